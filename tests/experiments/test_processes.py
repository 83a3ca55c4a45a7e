"""Runs in processes of their own."""

import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

from recbole_ext.config import threads
from recbole_ext.experiments import processes


def double(number):
    import torch

    return 2 * number, os.getpid(), torch.get_num_threads(), os.getcwd()


def die_if(deadly):
    if deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return True


@pytest.mark.slow
def test_each_job_has_a_process_and_a_folder_that_is_gone_afterwards():
    jobs = {name: (number,) for name, number in (("a", 1), ("b", 2), ("c", 3))}
    found = dict(processes.run_all(jobs, double, workers=2))
    assert {name: result[0] for name, result in found.items()} == {"a": 2, "b": 4, "c": 6}
    assert len({result[1] for result in found.values()}) == 3
    assert all(result[2] == threads.share(2) for result in found.values())
    folders = {Path(result[3]) for result in found.values()}
    assert len(folders) == 3
    for folder in folders:
        assert folder.is_relative_to(Path(tempfile.gettempdir()).resolve())
        assert not folder.exists()


@pytest.mark.slow
def test_a_process_that_dies_takes_no_other_with_it():
    jobs = {"fine": (False,), "dead": (True,), "after": (False,)}
    found = dict(processes.run_all(jobs, die_if, workers=1))
    assert found == {"fine": True, "dead": processes.DIED, "after": True}


def wait(seconds):
    time.sleep(seconds)
    return seconds


@pytest.mark.slow
def test_a_job_that_takes_too_long_is_ended():
    began = time.monotonic()
    found = dict(processes.run_all({"long": (300,), "short": (0,)}, wait, 2, timeout=8))
    assert found == {"long": "still running after 8 s, its timeout", "short": 0}
    assert isinstance(found["long"], processes.JobFailure)
    assert time.monotonic() - began < 60
