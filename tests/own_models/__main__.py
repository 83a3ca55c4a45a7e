"""Every shape through every step of walk.py; prints a table, and exits with 1 if one fails.

python -m tests.own_models [SHAPE...]
"""

import sys
import tempfile
import traceback
from pathlib import Path

from tabulate import tabulate

from tests.own_models.shapes import SHAPES
from tests.own_models.walk import STEPS, Walk


def main() -> int:
    rows, failed = [], 0
    for name in sys.argv[1:] or SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            walk = Walk(SHAPES[name], Path(folder))
            row = [name]
            for step, take in STEPS.items():
                try:
                    take(walk)
                    row.append("yes")
                except Exception:
                    failed += 1
                    row.append("NO")
                    print(f"{name}, {step}:\n{traceback.format_exc()}", file=sys.stderr)
            rows.append(row)
            print(*row, sep=", ", file=sys.stderr, flush=True)
    print(tabulate(rows, headers=["", *STEPS], tablefmt="github"))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
