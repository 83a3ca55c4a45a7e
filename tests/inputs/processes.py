"""How an input is run: in a fork of this process, or as a process of the installed script."""

import atexit
import contextlib
import ctypes
import importlib
import os
import resource
import signal
import subprocess
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO

from tests.inputs.case import PYTHON, Input

_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2  # capabilities of root to pass over the rights of files
_IMPORTED = (
    *("recbole_ext", "recbole.quick_start", "recbole.trainer", "recbole.utils.case_study"),
    *("recbole_ext.cli.run", "recbole_ext.cli.hyper", "recbole_ext.cli.main"),
    *("recbole_ext.cli.experiments", "recbole_ext.experiments.recbole_hyper"),
    *("recbole.model.general_recommender.bpr", "recbole.model.general_recommender.pop"),
    # imported by the first optimiser, by RecBole's count of operations, by its tables
    *("torch._dynamo", "torch._inductor", "thop", "tabulate", "pyarrow.pandas_compat"),
    *("sklearn.svm", "sklearn.linear_model", "sklearn.model_selection", "hyperopt", "plotly"),
)
_CAPABILITY_VERSION = 0x20080522


@dataclass
class Running:
    """An input that runs."""

    case: Input
    folder: Path
    pid: int
    began: float
    signalled: bool = False

    @property
    def texts(self) -> tuple[str, str]:
        """What it has written to standard output and to standard error."""
        texts = []
        for name in ("stdout", "stderr"):
            path = self.folder.parent / name
            data = path.read_bytes() if path.exists() else b""
            texts.append(data.decode("utf-8", "replace"))
        return texts[0], texts[1]


def warm_up() -> None:
    """Import what a run imports, so that a fork need not; nothing here may start a thread."""
    import torch

    for module in _IMPORTED:
        importlib.import_module(module)
    from recbole_ext.registry import keys, models

    torch.set_num_threads(1)
    keys.known_models()
    keys.all_keys()
    for model in models.names():
        models.model_class(model)


def environment(case: Input, folder: Path) -> dict[str, str]:
    """The variables of an input: those of this process, without what leads out of its folder."""
    base = {key: value for key, value in os.environ.items() if not key.startswith("RECBOLE_EXT")}
    # nothing is downloaded: the first connection is refused
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    return {
        **{key: value for key, value in base.items() if key.lower() != "no_proxy"},
        **nowhere,
        "HOME": str(folder.parent / "home"),
        "TMPDIR": str(folder.parent / "tmp"),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "COLUMNS": "100",
        **case.environment,
    }


def start(case: Input, folder: Path) -> Running:
    """Start an input in its folder."""
    began = time.monotonic()
    if case.process:
        return Running(case, folder, _start_process(case, folder), began)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _be(case, folder)
    return Running(case, folder, pid, began)


def ended(running: Running) -> int | None:
    """The exit status, negative for a signal; None while it runs. What it has started ends too."""
    if running.case.signal is not None and not running.signalled:
        number, pattern = running.case.signal
        if any(running.folder.glob(pattern)):
            os.kill(running.pid, number)
            running.signalled = True
    pid, status = os.waitpid(running.pid, os.WNOHANG)
    if not pid:
        return None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


def kill(running: Running) -> None:
    """End an input that hangs."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)


# --- a process of its own -------------------------------------------------------------------


def _start_process(case: Input, folder: Path) -> int:
    name, *words = case.words
    script = sys.executable if name == PYTHON else f"{sysconfig.get_path('scripts')}/{name}"
    with _output(case, folder) as stdout, (folder.parent / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [script, *words],
            cwd=folder,
            env=environment(case, folder),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=lambda: _limit(case),
        )
    process.returncode = 0  # it is waited for by its number
    return process.pid


@contextlib.contextmanager
def _output(case: Input, folder: Path) -> Iterator[IO[bytes]]:
    if case.output == "closed":
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as stream:
            yield stream
        return
    path = Path("/dev/full") if case.output == "full" else folder.parent / "stdout"
    with path.open("wb") as stream:
        yield stream


def _limit(case: Input) -> None:
    """Take from this process what the input may not have."""
    if case.powerless and os.geteuid() == 0:
        _drop_capabilities()
    if case.most_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (case.most_bytes, case.most_bytes))


def _drop_capabilities() -> None:
    """The rights of files hold for root, too; Linux."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: not given back by exec
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for place in range(3):
        sets[place] &= ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    libc.capset(header, sets)


# --- a fork of this process -----------------------------------------------------------------


def _be(case: Input, folder: Path) -> None:
    """Become the input's process, and end."""
    status = 1
    try:
        os.setsid()
        os.chdir(folder)
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            file = os.open(folder.parent / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, descriptor)
            os.close(file)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin, sys.stdout, sys.stderr = (
            open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            for descriptor, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        os.environ.clear()
        os.environ.update(environment(case, folder))
        _limit(case)
        status = _call(case)
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(status)


def _call(case: Input) -> int:
    """Run the entry point of the command, or the Python code; the exit status."""
    from recbole_ext.errors import UserError

    name, *words = case.words
    try:
        if name == PYTHON:
            sys.argv = ["-c"]
            names = {"__name__": "__main__"}
            exec("import recbole_ext\nfrom recbole.quick_start import *\n" + words[1], names)
            return 0
        (entry,) = entry_points(group="console_scripts", name=name)
        sys.argv = [name, *words]
        entry.load()()
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except UserError as error:
        if name != PYTHON:
            raise
        print(f"error: {error}", file=sys.stderr)  # of Python, an exception of ours is the answer
        return 2
