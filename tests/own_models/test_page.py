"""The commands of docs/your-model.md, one after the other, from an empty folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.registry import models
from recbole_ext.testing import ModelContract
from tests.forks import Forks

PAGE = Path(__file__).parents[2] / "docs" / "your-model.md"
COMMANDS = re.findall(
    r"^    (?:\$ )?((?:recbole-ext|run_recbole|python) .*)$", PAGE.read_text(encoding="utf-8"), re.M
)


def carry_out(command: str, forks: Forks) -> str:
    """Its standard output; the time in a checkpoint's name is that of the first one."""
    if "<time>" in command:
        first = min(Path("saved").glob("*.pth"), key=lambda path: path.stat().st_mtime)
        command = re.sub(r"saved/\w+-<time>\.pth", str(first), command)
    first, *words = command.split()
    if first == "python":
        line = [sys.executable, *words]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
    else:
        done = forks.run(first, *words)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def compare(command: str) -> str:
    """Its standard output, a benchmark's, from this process; of one seed and an epoch."""
    program, *words = command.split()
    assert (program, words[0]) == ("recbole-ext", "benchmark")
    plan = Path(words[1])  # minutes; a smaller one is the same command
    text = plan.read_text().replace("epochs: 20", "epochs: 1")
    plan.write_text(text.replace("seeds: [1, 2]", "seeds: [1]"))
    done = CliRunner().invoke(main.main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_page_has_the_commands():
    assert [command.split()[:2] for command in COMMANDS] == [
        ["recbole-ext", "new"],
        ["python", "-m"],
        ["run_recbole", "--model=my_model.py:MyModel"],
        ["run_recbole", "--model=my_model.py:MyModel"],
        ["recbole-ext", "evaluate"],
        ["recbole-ext", "recommend"],
        ["recbole-ext", "benchmark"],
    ]


def test_the_page_shows_what_new_prints():
    result = CliRunner().invoke(main.main, ["new", "MyModel"], catch_exceptions=False)
    shown = re.search(r"\$ recbole-ext new MyModel\n((?:    .*\n)+)", PAGE.read_text()).group(1)
    assert [line.strip() for line in shown.splitlines()] == result.output.splitlines()


def test_the_page_names_the_clauses():
    table = PAGE.read_text().split("| clause |")[1].replace("_", " ")
    for clause in ModelContract.clauses():
        assert f"| {clause.removeprefix('test_').replace('_', ' ')} |" in table


@pytest.mark.slow
def test_the_commands_of_the_page_work(forks, runs_here):
    *others, benchmark = COMMANDS
    for command in others:
        carry_out(command, forks)
    output = compare(benchmark)
    assert re.findall(r"^\| (MyModel|BPR|NCFMLP) +\|", output, re.M)
    assert Path("report/report.html").is_file()


@pytest.mark.parametrize("kind", ["general", pytest.param("sequential", marks=pytest.mark.slow)])
def test_a_new_model_keeps_the_contract(kind):
    words = ["new", "GraphNet2", "--kind", kind]
    result = CliRunner().invoke(main.main, words, catch_exceptions=False)
    assert result.exit_code == 0
    files = {path.name for path in Path().iterdir()}
    assert files == {
        *("graph_net2.py", "GraphNet2.yaml", "graph_net2_benchmark.yaml", "test_graph_net2.py")
    }
    assert len(Path("graph_net2.py").read_text().splitlines()) <= 60

    class Own(ModelContract):
        model = str(Path("graph_net2.py").absolute()) + ":GraphNet2"
        settings = {"embedding_size": 8}  # noqa: RUF012

    contract = Own()
    for clause in contract.clauses():
        getattr(contract, clause)()


@pytest.mark.slow
def test_a_new_sequential_model_runs_and_is_compared(runs_here):
    CliRunner().invoke(main.main, ["new", "Next", "--kind", "sequential"], catch_exceptions=False)
    assert "next-item" in compare("recbole-ext benchmark next_benchmark.yaml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mymodel"], "mymodel: expected the name of a class, a capital, letters and"),
        (["My-Model"], "My-Model: expected the name of a class"),
        (["../Mine"], "../Mine: expected the name of a class"),
        (["BPR"], "new BPR: RecBole has a model of its own named BPR"),
        (["AutoRec"], "new AutoRec: there is a model of that name, recbole_ext.models.autorec"),
        (["There"], "there.py: exists already; move it away, or choose another name"),
        (["Mine", "--kind", "graph"], "'graph' is not one of 'general', 'sequential'"),
    ],
)
def test_a_new_model_that_cannot_be_is_refused(words, message):
    Path("there.py").write_text("mine\n")
    result = CliRunner().invoke(main.main, ["new", *words])
    assert result.exit_code == 2
    assert message in result.stderr
    assert [path.name for path in Path().iterdir()] == ["there.py"]
    assert models.told() == []
