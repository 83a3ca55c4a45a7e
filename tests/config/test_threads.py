"""How many threads a process has, and what is said of how they wait."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from recbole_ext.config import threads

VARIABLES = (*threads.WAITING, *threads.NUMBER)


@pytest.fixture(autouse=True)
def _environment_says_nothing(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


# --- the cores of a process -----------------------------------------------------------------

V1 = "4:memory:/job\n2:cpu,cpuacct:/job/7\n0::/\n"


@pytest.mark.parametrize(
    ("own_groups", "files", "expected"),
    [
        ("0::/job/7\n", {"job/7/cpu.max": "150000 100000\n"}, [1.5]),
        ("0::/job/7\n", {"job/7/cpu.max": "max 100000\n"}, []),
        ("0::/job/7\n", {"job/7/cpu.max": "800000 100000", "job/cpu.max": "300000 100000"}, [8, 3]),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, [0.5]),
        # the path is that of the host, and the container sees its own group as the root
        ("0::/docker/3f\n", {"cpu.max": "200000 100000\n"}, [2]),
        (V1, {"cpu,cpuacct/job/7/cpu.cfs_quota_us": "250000"}, []),  # without its period
        (
            V1,
            {
                "cpu,cpuacct/job/7/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/job/7/cpu.cfs_period_us": "100000\n",
                "memory/job/cpu.max": "1 1000",
            },
            [2.5],
        ),
        (
            V1,
            {
                "cpu,cpuacct/job/7/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/job/7/cpu.cfs_period_us": "100000",
            },
            [],
        ),
        ("", {"cpu.max": "50000 100000"}, []),
    ],
)
def test_the_quota_of_control_groups(own_groups, files, expected, tmp_path):
    for name, text in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "self").write_text(own_groups)
    assert list(threads._quotas(tmp_path / "self", tmp_path / "cgroup")) == expected


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert list(threads._quotas(tmp_path / "nothing", tmp_path)) == []


@pytest.mark.parametrize(
    ("n_allowed", "quotas", "expected"),
    [
        (8, [], 8),
        (8, [3.9], 3),  # the fourth thread would stop the others when the quota is used up
        (8, [6.0, 2.0], 2),
        (8, [0.5], 1),
        (2, [16.0], 2),
    ],
)
def test_the_usable_cores_are_the_fewest_that_anybody_allows(
    n_allowed, quotas, expected, monkeypatch
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n_allowed)), raising=False)
    monkeypatch.setattr(threads, "_quotas", lambda *_: iter(quotas))
    assert threads.usable_cores() == expected


def test_without_affinity_the_machine_counts(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(threads, "_quotas", lambda *_: iter(()))
    assert threads.usable_cores() == 6


# --- the number of threads ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "workers", "expected"),
    [
        ({}, 1, 6),
        ({}, 4, 1),
        ({}, 9, 1),
        ({"OMP_NUM_THREADS": "3"}, 4, 3),
        ({"OMP_NUM_THREADS": "4,2"}, 1, 4),  # OpenMP's form for nested parts
        ({"MKL_NUM_THREADS": "2"}, 1, 2),
        ({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "2"}, 1, 1),
        ({"OMP_NUM_THREADS": "many"}, 2, 3),
        ({"OMP_NUM_THREADS": "0"}, 2, 3),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, 2, 3),
    ],
)
def test_workers_share_the_cores_unless_the_user_has_a_number(
    environment, workers, expected, monkeypatch
):
    monkeypatch.setattr(threads, "usable_cores", lambda: 6)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert threads.share(workers) == expected


def test_torch_gets_fewer_threads_where_it_has_too_many(monkeypatch):
    import torch

    numbers = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(threads, "usable_cores", lambda: 3)
    assert threads.number_is_too_large()
    threads.keep_to_usable_cores(SimpleNamespace(set_num_threads=numbers.append))
    assert numbers == [3]
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert not threads.number_is_too_large()
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    assert not threads.number_is_too_large()


# --- how they wait --------------------------------------------------------------------------


def python(code, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    clean.pop("RECBOLE_EXT_DISABLE", None)
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.slow
def test_torch_keeps_to_the_cores():
    code = """
import recbole_ext.patches
from recbole_ext.config import threads
cores = threads.usable_cores()
threads.usable_cores = lambda: 1
import torch
print(torch.get_num_threads(), recbole_ext.patches.states()["usable-cores"], cores)
"""
    number, *state, cores = python(code).stdout.split()
    assert (number, " ".join(state)) == ("1", "active" if int(cores) > 1 else "not needed")


@pytest.mark.parametrize(
    ("environment", "state", "words"),
    [
        ({}, "active", "how they wait: spinning, and asleep while other processes need the cores"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "not needed", "OMP_WAIT_POLICY=ACTIVE by the environment"),
        ({}, "switched off", "how they wait: OpenMP's default, spinning"),
        ({"OMP_NUM_THREADS": "1"}, "active", "(OMP_NUM_THREADS=1)"),
        ({}, "active", "(this process may use "),
    ],
)
def test_the_doctor_says_why(environment, state, words, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert words in threads.description(state)
