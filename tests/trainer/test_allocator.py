"""Whether freed memory is kept, seen in a process of its own."""

import subprocess
import sys

import pytest

CODE = """
import psutil, torch
from recbole_ext.trainer.allocator import keep_freed_memory
print(keep_freed_memory())
before = psutil.Process().memory_info().rss
torch.ones(2**26)  # 256 MiB, freed at once
print(psutil.Process().memory_info().rss > before + 2**27)
"""


def run(**environment):
    words = [sys.executable, "-c", CODE]
    found = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return found.stdout.split()


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_memory_is_kept_unless_the_environment_has_a_say():
    assert run() == ["True", "True"]
    assert run(MALLOC_ARENA_MAX="2") == ["False", "False"]
