"""Runs inputs, some at a time, each in a folder of its own, and judges how they ended."""

import gc
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.inputs import processes, workplace
from tests.inputs.case import Input
from tests.inputs.processes import Running
from tests.inputs.verdict import Outcome, judge

LIMIT = 20.0  # seconds; what takes longer hangs
AT_A_TIME = 4  # of two cores: many wait


def run_all(cases: Sequence[Input], limit: float = LIMIT) -> Iterator[Outcome]:
    """Run inputs; each outcome, in the order of the inputs.

    Args:
        cases: the inputs.
        limit: seconds; what takes longer hangs.

    This process imports torch and RecBole, and forks: it must not have started threads.
    """
    processes.warm_up()
    gc.collect()
    gc.freeze()  # a fork that collects garbage would copy the memory
    # no TemporaryDirectory: a fork would remove it at its exit
    scratch = Path(tempfile.mkdtemp(prefix="inputs-"))
    try:
        template = scratch / "template"
        workplace.build(template)
        _train(scratch, template)
        yield from _run(cases, template, scratch, limit)
    finally:
        _remove(scratch)


def _run(cases: Sequence[Input], template: Path, scratch: Path, limit: float) -> Iterator[Outcome]:
    outcomes: dict[int, Outcome] = {}
    waiting = list(enumerate(cases))[::-1]
    running: dict[int, tuple[Running, dict[str, str]]] = {}
    shown = 0
    while waiting or running:
        while waiting and len(running) < AT_A_TIME:
            number, case = waiting.pop()
            folder = scratch / str(number) / "here"
            folder.parent.mkdir()
            workplace.prepare(case, template, folder)
            before = workplace.snapshot(folder)
            running[number] = processes.start(case, folder), before
        for number in list(running):
            outcome = look(*running[number], limit)
            if outcome is not None:
                outcomes[number] = outcome
                _remove(running.pop(number)[0].folder.parent)
        while shown in outcomes:
            yield outcomes.pop(shown)
            shown += 1
        time.sleep(0.002)


def look(running: Running, before: dict[str, str], limit: float) -> Outcome | None:
    """The outcome of an input; None while it runs."""
    status = processes.ended(running)
    seconds = time.monotonic() - running.began
    if status is None:
        if seconds < limit:
            return None
        processes.kill(running)
    stdout, stderr = running.texts
    after = workplace.snapshot(running.folder)
    problems = judge(running.case, status, stdout, stderr, before, after)
    return Outcome(running.case, status, stdout, stderr, seconds, problems)


def _train(scratch: Path, template: Path) -> None:
    """Put a checkpoint of each of some models into ``saved/`` of the template.

    Raises:
        RuntimeError: a model does not train.
    """
    (template / "saved").mkdir()
    for model, command in workplace.TRAINED.items():
        folder = scratch / f"of-{model}" / "here"
        folder.parent.mkdir()
        case = Input(model, command)
        workplace.prepare(case, template, folder)
        (folder / "saved").rename(folder / "others")
        running = processes.start(case, folder)
        while (outcome := look(running, {}, 10 * LIMIT)) is None:
            time.sleep(0.01)
        files = list((folder / "saved").glob("*.pth"))
        if len(files) != 1:
            raise RuntimeError(f"{case.typed}: no checkpoint\n{outcome}")
        shutil.copy(files[0], template / "saved" / f"{model}.pth")


def _remove(folder: Path) -> None:
    """Remove a folder, whatever the rights of what is in it."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)
