"""The names of tables and runs."""

from typing import NamedTuple

from recbole_ext.evaluator.protocols import PROTOCOLS

# The name, in place of a protocol's, for models that are evaluated by their own settings.
OWN_PROTOCOL = ""


class TableKey(NamedTuple):
    """The name of a table: a data set and a protocol."""

    dataset: str
    protocol: str

    @property
    def has_folds(self) -> bool:
        """Whether its protocol tests each of several folds, in the place of several seeds."""
        protocol = PROTOCOLS.get(self.protocol)
        return protocol is not None and protocol.folds is not None

    @property
    def repeat(self) -> str:
        """What its runs are repeated over: ``seed`` or ``fold``."""
        return "fold" if self.has_folds else "seed"

    def __str__(self) -> str:
        return f"{self.dataset}, {self.protocol}" if self.protocol else self.dataset


class RunKey(NamedTuple):
    """The name of a run: ``trial`` is the number of a trial, None for a run that is tested.

    With a protocol of folds, ``seed`` is the number of the fold, and of the run's seed.
    """

    dataset: str
    protocol: str
    label: str
    seed: int
    trial: int | None = None

    @property
    def table(self) -> TableKey:
        """The table that it belongs to."""
        return TableKey(self.dataset, self.protocol)

    def __str__(self) -> str:
        repeat = f"{self.table.repeat} {self.seed}"
        parts = [self.label, repeat] if self.trial is None else [self.label, f"trial {self.trial}"]
        if self.trial is not None and self.table.has_folds:
            parts.insert(1, repeat)
        return f"{self.table}: {', '.join(parts)}"
