"""How many threads a process computes with, and what the environment says of how they wait.

torch on a CPU computes with OpenMP: the threads share a product of matrices. A container or a batch
system may allow fewer cores than the machine has; torch asks for the cores of the machine, and its
threads then wait for a core in turn.

What a user says in the environment, by the variables of OpenMP and MKL, wins.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

# By which a user says how threads wait, and how many there are.
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
NUMBER = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


# --- how they wait --------------------------------------------------------------------------


def waiting_is_open() -> bool:
    """Whether the environment does not say how threads wait."""
    return not any(name in os.environ for name in WAITING)


_in_forks_alone = False


def compute_in_forks_alone(do_so: bool) -> None:
    """Say whether this process imports torch for its forks alone, which have no thread of it."""
    global _in_forks_alone
    _in_forks_alone = do_so


def computes_in_forks_alone() -> bool:
    """What ``compute_in_forks_alone`` has said last, in this process or in the one it is of."""
    return _in_forks_alone


# --- how many there are ---------------------------------------------------------------------


def usable_cores() -> int:
    """The cores that this process may use: its affinity, and the quota of its container."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = min(_quotas(_OWN_GROUPS, _CGROUPS), default=float(cores))
    return max(1, min(cores, int(quota)))


def _quotas(own_groups: Path, root: Path) -> Iterator[float]:
    """The cores that each control group of this process allows; of both versions of them.

    Args:
        own_groups: ``/proc/self/cgroup``, with lines ``number:controllers:/path``.
        root: where the groups are mounted. In a container the path may be that of the host, and
            its own group is the root.
    """
    try:
        lines = own_groups.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / controllers
        group = mount / path.lstrip("/")
        for folder in (group, *group.parents):
            yield from _quota(folder)
            if folder == mount:
                break


def _quota(group: Path) -> Iterator[float]:
    """The cores that one control group allows; nothing where it has no limit."""
    files = [("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")]  # versions 2 and 1
    for names in files:
        try:
            words = " ".join((group / name).read_text(encoding="ascii") for name in names).split()
            quota, period = map(int, words)
        except (OSError, ValueError):  # no such file, or the word `max`
            continue
        if quota > 0 and period > 0:
            yield quota / period


def number_of_user(environment: Mapping[str, str] | None = None) -> int | None:
    """The number of threads that the environment asks for; None where it says nothing."""
    values = os.environ if environment is None else environment
    for name in NUMBER:
        first = values.get(name, "").split(",")[0].strip()
        if first.isdecimal() and int(first) > 0:
            return int(first)
    return None


def number_is_too_large() -> bool:
    """Whether torch has more threads than this process may use cores, and nobody asked for it."""
    import torch

    return number_of_user() is None and torch.get_num_threads() > usable_cores()


def keep_to_usable_cores(torch: ModuleType) -> None:
    """One thread for each core that this process may use."""
    torch.set_num_threads(usable_cores())


def share(workers: int) -> int:
    """The threads of each of some processes that work at the same time.

    Args:
        workers: their number, at least 1.

    Returns:
        what the environment asks for, or an equal share of the usable cores, at least 1.
    """
    return number_of_user() or max(1, usable_cores() // workers)


def description(state: str) -> str:
    """How many threads this process has, how they wait, and why; imports torch.

    Args:
        state: of the patch that lets them sleep while other processes need the cores.
    """
    import torch

    user = next((f"{name}={os.environ[name]}" for name in NUMBER if name in os.environ), None)
    why = user or f"this process may use {usable_cores()} cores"
    waiting = ", ".join(f"{name}={os.environ[name]}" for name in WAITING if name in os.environ)
    how = f"{waiting} by the environment" if waiting else "OpenMP's default, spinning"
    if state == "active":
        how = "spinning, and asleep while other processes need the cores"
    return f"{torch.get_num_threads()} ({why}); how they wait: {how}"
