"""Reports and tables are written whole: a crash in the middle leaves the old file."""

import os
from pathlib import Path

import pytest

from recbole_ext.experiments import denoising, report
from recbole_ext.experiments.plan import Model, Plan
from recbole_ext.experiments.results import Result

PLAN = Plan(
    datasets=["made"],
    protocols={"default": "ndcg@10"},
    seeds=[1],
    trials=None,
    timeout=None,
    settings={},
    models={"Pop": Model("Pop", {}, [])},
)
RESULT = Result(
    "made", "default", "Pop", 1, "", "", {}, {"ndcg@10": 0.5}, {"ndcg@10": [0.4, 0.6]}, 1, 1.0
)
POINTS = [denoising.Point("plain", 1, 0.1, 0.9, 1.0), denoising.Point("denoising", 1, 0.1, 0.8, 1)]

WRITERS = {
    **{
        name: lambda folder: report.write(folder, PLAN, [RESULT], "a command")
        for name in ("report.html", "report.md", "made-default.csv", "made-default.tex")
    },
    "denoising.csv": lambda folder: denoising.write_csv(POINTS, folder / "denoising.csv"),
    "denoising.html": lambda folder: denoising.write_figure(
        POINTS, "flip", 0.3, "made", folder / "denoising.html"
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_crash_while_a_file_is_written_leaves_the_old_one(name, tmp_path, monkeypatch):
    (tmp_path / name).write_text("old")
    replace = os.replace

    def crash(source, target):
        if Path(target).name == name:  # everything is written, nothing is in its place
            raise OSError("No space left on device")
        return replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(OSError, match="No space left"):
            WRITERS[name](tmp_path)
    assert (tmp_path / name).read_text() == "old"
    assert not list(tmp_path.glob("*.part"))
    WRITERS[name](tmp_path)
    assert len((tmp_path / name).read_text(encoding="utf-8")) > 20
