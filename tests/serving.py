"""docs/export.md's program, run where neither torch nor RecBole is installed.

    python -m tests.serving

Trains AutoRec by users on ml-100k for a few epochs, exports it, makes a virtual environment with
numpy and onnxruntime alone, runs the program of the page in it and compares its list with
``recommend_for``. Needs the network for the environment.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import recbole_ext
from recbole_ext.trainer import single_run

ROOT = Path(__file__).parents[1]
PERSON: dict[str | int, float] = {"50": 5, "181": 4, "172": 5}


def main() -> None:
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    text = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert text is not None
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        folder = Path(temporary)
        settings = {**single_run.QUIET, "orientation": "user", "epochs": 5}
        run = single_run.prepare("AutoRec", "ml-100k", settings)
        run.fit()
        words = ("export", run.trainer.saved_model_file, "--format", "onnx", "--output")
        command = [sys.executable, "-m", "recbole_ext.cli.main", *words, "autorec.onnx"]
        subprocess.run(command, check=True)
        venv.create(folder / "serving", with_pip=True)
        python = folder / "serving" / "bin" / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "numpy", "onnxruntime"]
        if subprocess.run(pip, check=False).returncode:
            print("skipped: numpy and onnxruntime could not be installed")
            return
        subprocess.run([str(python), "-m", "pip", "list"], check=True)
        (folder / "serve.py").write_text(text.group(1), encoding="utf-8")
        served = subprocess.run(
            [str(python), "-I", "serve.py"], check=True, capture_output=True, text=True
        ).stdout
        frame = recbole_ext.load(run.trainer.saved_model_file).recommend_for(PERSON)
        expected = [f"{row.item_id} {row.score:.4f}" for row in frame.itertuples()]
        print(served, end="")
        same = served.splitlines() == expected
        print(f"the list of recommend_for: {'the same' if same else expected}")
        sys.exit(not same)


if __name__ == "__main__":
    main()
