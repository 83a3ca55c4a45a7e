"""Threads that sleep while other processes need the cores."""

import os
import subprocess
import sys

import pytest
import torch

from recbole_ext.config import threads
from recbole_ext.patches.functions import crowded_cores
from recbole_ext.patches.functions.crowded_cores import Crowd, busy_seconds

# user nice system idle iowait irq softirq steal guest guest_nice, in ticks of 10 ms
STAT = """\
cpu  600 60 90 9000 80 7 6 12 50 5
cpu0 100 10 20 5000 40 3 2 4 30 3
cpu1 500 50 70 4000 40 4 4 8 20 2
cpu10 1 1 1 1 1 1 1 1 1 1
intr 1 2 3
ctxt 99
"""


@pytest.mark.parametrize(
    ("cores", "ticks"), [({0}, 139), ({1}, 636), ({0, 1}, 775), ({0, 10}, 145), (set(), 0)]
)
def test_what_the_cores_have_computed(cores, ticks, monkeypatch):
    """All but idle and iowait; a guest's time is in the user's already."""
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_CLK_TCK": 100}[name])
    assert busy_seconds(STAT, cores) == pytest.approx(ticks / 100)


def looks(crowd, *used):
    return "".join("x" if crowd.look(value) else "." for value in used)


def test_others_count_after_a_second_and_are_gone_after_two():
    crowd = Crowd(n_cores=2, n_threads=2)
    assert looks(crowd, 0.0, 0.31, 0.3, 0.31, 0.31) == "....x"  # once is not enough
    assert looks(crowd, 0.3, 0.0, 0.0, 0.31) == "xxxx"  # a pause of less than two seconds
    assert looks(crowd, 0.3, 0.0, 0.0, 0.0, 0.31, 0.31) == "xxx..x"
    assert crowd.is_there


def test_cores_that_this_process_leaves_free_are_for_others():
    assert looks(Crowd(n_cores=8, n_threads=6), 2.3, 2.3, 2.31, 2.31) == "...x"


@pytest.mark.parametrize(
    ("environment", "cores", "expected"),
    [
        ({}, {0, 1}, True),
        ({"OMP_NUM_THREADS": "1"}, {0, 1}, True),
        ({"OMP_NUM_THREADS": "3"}, {0, 1}, False),  # OpenMP lets them sleep itself
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {0, 1}, False),
        ({"GOMP_SPINCOUNT": "77"}, {0, 1}, False),
        ({"KMP_BLOCKTIME": "1"}, {0, 1}, False),
        ({}, {5}, False),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_the_environment_wins_and_a_single_core_has_no_waiting(
    environment, cores, expected, monkeypatch
):
    for name in threads.WAITING:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"OMP_NUM_THREADS": "2", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: int(os.environ["OMP_NUM_THREADS"]))
    if crowded_cores._openmp() is None:
        pytest.skip("torch computes with another OpenMP")
    assert crowded_cores.can_be_seen() == expected


CODE = """
import os, time
import recbole_ext, torch
from recbole_ext.patches.functions.crowded_cores import Cores

used = 0.0
Cores.used_by_others = lambda self: used

def threads():
    return len(os.listdir("/proc/self/task"))

def are_soon(number):
    end = time.monotonic() + 60
    while threads() != number and time.monotonic() < end:
        time.sleep(0.1)
    return threads() == number

torch.ones(2**22).sigmoid()  # starts the team that computes
time.sleep(1)
alone, used = threads(), 10.0
more = 1 + len(os.sched_getaffinity(0)) - torch.get_num_threads() + 1  # a master and its team
print(are_soon(alone + more))
used = 0.0
print(are_soon(alone))
"""


@pytest.mark.slow
@pytest.mark.skipif(not crowded_cores.can_be_seen(), reason="see can_be_seen")
def test_a_second_team_comes_and_goes_with_the_others():
    clean = {key: text for key, text in os.environ.items() if key != "RECBOLE_EXT_DISABLE"}
    done = subprocess.run([sys.executable, "-c", CODE], env=clean, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\nTrue\n", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_what_others_have_used(monkeypatch):
    measured = iter([(10.0, 100.0, 3.0), (10.5, 100.9, 3.4), (11.5, 102.9, 4.4)])
    monkeypatch.setattr(crowded_cores.Cores, "_measure", lambda self: next(measured))
    cores = crowded_cores.Cores()
    assert cores.used_by_others() == pytest.approx(1.0)  # (0.9 - 0.4) / 0.5
    assert cores.used_by_others() == pytest.approx(1.0)  # (2.0 - 1.0) / 1.0
