"""How busy the processor has been since RecBole was imported, for the log of a run."""

import psutil  # type: ignore[import-untyped]  # it notes the processor's times when it is imported


def percent() -> float:
    """The use of all cores by all processes, 0 to 100, since this module was imported.

    A later call measures from the last one on.
    """
    return float(psutil.cpu_percent(interval=None))
