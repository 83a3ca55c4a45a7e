"""README's commands, one after the other, give the output that README shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pages, runs

TEXT = pages.README.read_text(encoding="utf-8")
SCRIPTS = Path(sys.executable).parent
NUMBER = re.compile(r"\d[\d,]*\.?\d*")


def carry_out(command: str) -> str:
    """Its standard output and error; `<time>` in a file's name stands for any time."""
    for shown in re.findall(r"saved/\S+-<time>\.pth", command):
        model = shown.split("/")[1].split("-")[0]
        (file,) = Path("saved").glob(f"{model}-*.pth")
        command = command.replace(shown, str(file))
    (words,) = pages.commands(f"    {command}")
    done = subprocess.run(
        [str(SCRIPTS / words[0]), *words[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (command, done.stdout[-2000:])
    return done.stdout


def shown(command: str) -> tuple[str, str]:
    """A command of README with `$ ` before it, and the output below it."""
    found = re.search(rf"^    \$ ({re.escape(command)}.*)\n((?:(?:    .*)?\n)+?)(?=\S)", TEXT, re.M)
    assert found, command
    lines = [line[4:] for line in found.group(2).rstrip().splitlines()]
    return found.group(1), "\n".join(lines)


def assert_alike(output: str, text: str, tolerance: float) -> None:
    """The same words, and numbers that differ by at most ``tolerance`` of their size.

    Seconds, the time in a file's name, and the device depend on the machine.
    """
    pattern = r"saved/(\w+)-[\w-]+\.pth|log/\S+/(\w+)-[\w-]+\.log|\d+\.\d s\b|device: .*"
    of_the_machine = re.compile(pattern)
    one, other = (of_the_machine.sub("@", whole).split() for whole in (output, text))
    same = [re.sub(NUMBER, "#", " ".join(words)).replace("-", "") for words in (one, other)]
    assert same[0] == same[1]
    for word, expected in zip(
        NUMBER.findall(" ".join(one)), NUMBER.findall(" ".join(other)), strict=True
    ):
        values = [float(number.replace(",", "")) for number in (word, expected)]
        assert values[0] == pytest.approx(values[1], rel=tolerance), (word, expected)


@pytest.mark.slow
def test_the_short_run_prints_what_readme_shows():
    command, text = shown("run_recbole --model=AutoRec --dataset=ml-100k --epochs=2")
    text = text.replace("<time>", "time")
    assert_alike(carry_out(command), text, tolerance=1e-3)


def test_getting_started_shows_the_same_run():
    _, text = shown("run_recbole --model=AutoRec --dataset=ml-100k --epochs=2")
    page = (pages.ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    assert "\n".join(f"    {line}".rstrip() for line in text.splitlines()) in page


@pytest.mark.slow
def test_the_first_run_has_its_figures_and_recommends_what_readme_shows():
    output = carry_out("run_recbole --model=AutoRec --dataset=ml-100k")
    results = (pages.ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for part, of_table in (("valid", r"\| AutoRec \| valid"), ("test", r"\| \| test")):
        printed = re.search(rf"^{part} +([\d.]+) +([\d.]+)$", output, re.M).groups()
        in_page = re.search(rf"^{of_table} \| ([\d.]+) \| ([\d.]+) \|$", results, re.M).groups()
        assert [float(x) for x in printed] == pytest.approx([float(x) for x in in_page], abs=5e-4)
    command, text = shown("recbole-ext recommend saved/AutoRec-<time>.pth --user 196")
    lists = [re.findall(r"^\d+ +[\d.]+ +(\d+) ", t, re.M) for t in (carry_out(command), text)]
    assert len(lists[1]) == len(lists[0]) >= 5
    assert len(set(lists[0]) & set(lists[1])) >= len(lists[1]) - 1  # near scores may change places


@pytest.mark.slow
def test_your_own_ratings_in_three_lines():
    """With a made `ratings.csv` of the columns that docs/your-data.md names."""
    runs.write_ratings(Path("made"), "made")
    lines = (Path("made") / "made" / "made.inter").read_text().splitlines()[1:]
    rows = [line.replace("u", "").replace("i", "").replace("\t", ",") for line in lines]
    Path("ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    titles = [f"{number},Film {number}" for number in range(20)]
    Path("movies.csv").write_text("\n".join(["movieId,title", *titles]) + "\n")
    page = (pages.ROOT / "docs" / "your-data.md").read_text(encoding="utf-8")
    first = next(block for block in pages.code_blocks(TEXT) if "data import" in block)
    assert first in pages.code_blocks(page)
    for command in first.splitlines():
        output = carry_out(command)
    assert "Film 1" in output


def test_your_own_model_in_three_lines():
    """Those of docs/your-model.md, whose commands tests/own_models/test_page.py runs."""
    block = next(block for block in pages.code_blocks(TEXT) if "recbole-ext new" in block)
    page = (pages.ROOT / "docs" / "your-model.md").read_text(encoding="utf-8")
    there = [" ".join(words) for words in pages.commands(page)]
    for words in pages.commands("\n" + "\n".join(f"    {line}" for line in block.splitlines())):
        command = " ".join(words)
        assert any(one.startswith(command) for one in there), command
