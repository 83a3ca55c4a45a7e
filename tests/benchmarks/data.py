"""Time and memory of the data commands at the size of a release.

    python -m tests.benchmarks.data ml-20m

The release is made up by a seeded generator (tests/releases.py), in the layout of the real
one. Each command is a process of its own; its wall time and largest resident memory are
printed.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

from recbole_ext.data.movielens.catalogue import find
from tests import releases

MEBIBYTE = 2**20


def measure(*words: str) -> tuple[float, float]:
    """Wall seconds and MiB of one process; it must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(words)}: failed")
    return seconds, usage.ru_maxrss * 1024 / MEBIBYTE


def main() -> None:
    release = find(sys.argv[1] if len(sys.argv) > 1 else "ml-20m")
    name = release.name
    command = (sys.executable, "-m", "recbole_ext.cli.main", "data")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(f"making {name}: {release.ratings:,} ratings ...", flush=True)
        # in a process of its own, so that its memory is not theirs
        making = [sys.executable, "-m", "tests.releases", name, str(Path(folder) / "raw")]
        subprocess.run(making, check=True, cwd=Path(__file__).parents[2])
        unpacked = Path(folder) / "raw" / name
        packed = releases.zipped(unpacked)
        rows = []
        for what, words in (
            ("get, from the folder", ("get", name, "--from", str(unpacked))),
            ("get, from the zip", ("get", name, "--from", str(packed))),
            ("check", ("check", f"dataset/{name}")),
            ("describe", ("describe", name)),
            ("split random", ("split", name, "random")),
            ("split loo", ("split", name, "loo")),
        ):
            seconds, memory = measure(*command, *words)
            rows.append([what, seconds, memory])
            print(f"{what}: {seconds:.1f} s", flush=True)
        os.chdir("/")
    print(f"\n{release.users:,} users, {release.items:,} items, {release.ratings:,} ratings")
    headers = ["data ...", "seconds", "peak MiB"]
    print(tabulate(rows, headers=headers, floatfmt=("", ".1f", ",.0f")))


if __name__ == "__main__":
    main()
