"""While other processes need the cores, torch's threads that wait for each other sleep.

The threads of a product of matrices wait for the last of them. GNU's OpenMP, which torch computes
with on Linux, lets them spin for some milliseconds before they sleep: the next product mostly
begins meanwhile, and no time is lost by waking up. But as soon as other processes want the cores, a
spinning thread takes the one that the thread it waits for needs, and training takes many times as
long.

OpenMP reads from the environment how long they spin, once, when torch is loaded. What it decides
anew at each wait is whether the process has more threads than it may use cores; then they spin for
some microseconds only. So as long as the cores are crowded, this process keeps a second team of
threads, which sleep all the time. Alone on the machine it costs nothing.
"""

import ctypes
import os
import threading
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_ext.config import threads

_STAT = Path("/proc/stat")
_SECONDS = 0.5  # between two looks
_TOLERANCE = 0.3  # cores: what a system needs for itself
_LOOKS = 2  # in a row that find others, before the threads sleep: a second
_CALM_LOOKS = 4  # in a row without others, before they spin again: two seconds


class Crowd:
    """Whether other processes want the cores that this one computes on, by one look after another.

    Attributes:
        is_there: the answer.
    """

    def __init__(self, n_cores: int, n_threads: int) -> None:
        self._free = n_cores - n_threads + _TOLERANCE
        self._against = 0  # looks in a row that spoke against what is there
        self.is_there = False

    def look(self, used_by_others: float) -> bool:
        """Take in the cores that other processes have used on the average since the last look.

        A process that computes for a moment is no crowd; one that pauses for a moment goes on.
        """
        speaks_against = (used_by_others > self._free) != self.is_there
        self._against = self._against + 1 if speaks_against else 0
        if self._against == (_CALM_LOOKS if self.is_there else _LOOKS):
            self.is_there, self._against = not self.is_there, 0
        return self.is_there


class Cores:
    """The cores that this process may compute on.

    Attributes:
        numbers: theirs.
    """

    def __init__(self) -> None:
        self.numbers = os.sched_getaffinity(0)
        self._last = self._measure()

    def _measure(self) -> tuple[float, float, float]:
        return (
            time.perf_counter(),
            busy_seconds(_STAT.read_text(), self.numbers),
            time.process_time(),
        )

    def used_by_others(self) -> float:
        """How many of them other processes have used, on the average since the last call."""
        measured = self._measure()
        elapsed, busy, own = (new - old for new, old in zip(measured, self._last, strict=True))
        self._last = measured
        return (busy - own) / elapsed


class SecondTeam:
    """Threads of OpenMP that sleep, beside those that compute."""

    def __init__(self, openmp: Any, n_threads: int) -> None:
        self._openmp, self._n_threads = openmp, n_threads
        self._begun, self._end = threading.Event(), threading.Event()
        self._master = threading.Thread(target=self._hold, daemon=True)

    def _hold(self) -> None:
        # A thread of its own is the master of a team of its own, which lives as long as it does.
        # What the threads carry out is free(NULL), which does nothing.
        nothing = ctypes.cast(ctypes.CDLL(None).free, ctypes.c_void_p)
        self._openmp.GOMP_parallel(nothing, None, ctypes.c_uint(self._n_threads), ctypes.c_uint(0))
        self._begun.set()
        self._end.wait()

    def start(self) -> None:
        self._master.start()
        self._begun.wait()

    def end(self) -> None:
        self._end.set()
        self._master.join()


def can_be_seen() -> bool:
    """Whether this process can see others on its cores, and let its threads sleep.

    Where the user has asked for more threads than there are cores, they sleep already.
    """
    import torch

    return (
        threads.waiting_is_open()
        and _STAT.is_file()
        and len(os.sched_getaffinity(0)) >= max(2, torch.get_num_threads())
        and _openmp() is not None
    )


def watch(torch: ModuleType) -> None:
    """Look for other processes twice a second, in a thread that ends with this process."""
    if threads.computes_in_forks_alone():
        os.register_at_fork(after_in_child=partial(_watch_in_fork, torch))
    else:
        _start(torch)


def _watch_in_fork(torch: ModuleType) -> None:
    if threads.computes_in_forks_alone():  # not in a fork of the fork
        threads.compute_in_forks_alone(False)
        _start(torch)


def _start(torch: ModuleType) -> None:
    threading.Thread(target=_watch, args=(torch,), name="crowded cores", daemon=True).start()


def _watch(torch: ModuleType) -> None:
    cores = Cores()
    n_cores, n_threads = len(cores.numbers), torch.get_num_threads()
    crowd = Crowd(n_cores, n_threads)
    team: SecondTeam | None = None
    while True:
        time.sleep(_SECONDS)
        is_there = crowd.look(cores.used_by_others())
        if is_there and team is None:
            team = SecondTeam(_openmp(), n_cores - n_threads + 2)
            team.start()
        elif not is_there and team is not None:
            team.end()
            team = None


def busy_seconds(stat: str, cores: set[int]) -> float:
    """The seconds that some cores have computed for anybody, since the machine's start.

    Args:
        stat: the text of ``/proc/stat``: a line ``cpuN user nice system idle iowait irq softirq
            steal ...`` for each core, in ticks (Linux, proc_stat(5)). What another machine on the
            same processor has stolen counts as busy.
        cores: their numbers.
    """
    ticks = 0
    for line in stat.splitlines():
        name, *numbers = line.split()
        if name[:3] == "cpu" and name[3:].isdecimal() and int(name[3:]) in cores:
            user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, numbers[:8])
            ticks += user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


def _openmp() -> Any:
    """The OpenMP that torch computes with, if its teams can be started from here; else None."""
    import torch

    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        library.GOMP_parallel  # noqa: B018  # looked up in what torch itself has been linked to
    except (OSError, AttributeError):
        return None
    return library
