"""One case, in this process.

    python -m tests.benchmarks.speed.child SIDE MODULE:FUNCTION ARGUMENTS

Its figures are the last line that it prints.
"""

import importlib
import json
import sys
import warnings
from dataclasses import asdict, replace

from tests.benchmarks.speed.sides import peak_mebibytes


def main() -> None:
    side, work, arguments = sys.argv[1:]
    sys.argv = sys.argv[:1]  # RecBole's Config would read them
    warnings.simplefilter("ignore")
    module, function = work.split(":")
    case = getattr(importlib.import_module(f"tests.benchmarks.speed.{module}"), function)
    found = case(side, *json.loads(arguments))
    print(json.dumps(asdict(replace(found, mebibytes=peak_mebibytes()))))


if __name__ == "__main__":
    main()
