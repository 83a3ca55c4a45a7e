"""Mistakes are told before torch, pandas or RecBole are imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import runs
from tests.own_models.shapes import SHAPES

# Runs commands in one process; each must end with its message before anything heavy is asked for.
SCRIPT = """
import json, sys
from importlib.abc import MetaPathFinder

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        heavy = name in HEAVY or name.startswith("recbole.")
        assert not heavy, f"{name} is imported"

HEAVY = {"torch", "scipy", "sklearn", "ray", *sys.argv[1].split()}
sys.meta_path.insert(0, Refuse())
from click.testing import CliRunner
from recbole_ext.cli import hyper, main, run
entries = {"run_recbole": run.main, "run_hyper": hyper.main, "recbole-ext": main.main}
told = []
for command, *words in json.load(sys.stdin):
    result = CliRunner().invoke(entries[command], words)
    told.append([result.exit_code, result.stderr, repr(result.exception)])
print(json.dumps(told))
"""

RUN = ("run_recbole", "--data_path=dataset", "--dataset=made")
WRONG = [
    # (command, what the message has)
    ((*RUN, "--model=Autorec"), "--model=Autorec: no such model in RecBole or recbole_ext; did"),
    ((*RUN[:2], "--dataset=ml-32m"), "no folder dataset/ml-32m; get it with `recbole-ext data get"),
    ((*RUN[:2], "--dataset=mode"), "--dataset=mode: no folder dataset/mode, and RecBole knows no"),
    # keys
    ((*RUN, "--epohcs=3"), "epohcs: neither BPR nor RecBole has this setting; did you mean epochs"),
    ((*RUN, "--mlp_hidden_size=[3]"), "mlp_hidden_size: BPR does not read this setting"),
    ((*RUN, "--config_files=key.yaml"), "key.yaml: epohcs: neither BPR nor RecBole has this"),
    ((*RUN, "--device=cpu"), "device: RecBole works this out itself"),
    # models of one's own
    ((*RUN, "--model=gone.py:Mine"), "--model=gone.py:Mine: no such file"),
    ((*RUN, "--model=pair_mf.py:Mine"), "has no class Mine; its classes are PairMF"),
    ((*RUN, "--model=pair_mf.py:PairMF", "--factros=3"), "factros: neither PairMF nor RecBole has"),
    ((*RUN, "--model=pair_mf.py:PairMF", "--factors=x"), "factors: expected a number, such as the"),
    (("recbole-ext", "new", "BPR"), "new BPR: RecBole has a model of its own named BPR"),
    (("recbole-ext", "evaluate", "gone.pth", "--model=gone.py:Mine"), "gone.py:Mine: no such file"),
    # yaml files
    ((*RUN, "--config_files=gone.yaml"), "gone.yaml: cannot be read"),
    ((*RUN, "--config_files=twice.yaml"), "twice.yaml, line 2: epochs: the key is already in line"),
    ((*RUN, "--config_files=broken.yaml"), "broken.yaml, line 2: not yaml"),
    ((*RUN[:2], "--dataset=beside"), "beside.yaml: epohcs: neither"),
    # values
    ((*RUN, "--epochs=-1"), "epochs: expected a whole number at least 0, found -1"),
    ((*RUN, "--learning_rate=fast"), "learning_rate: expected a number"),
    ((*RUN, "--model=AutoRec", "--orientation=users"), "orientation: expected one of"),
    ((*RUN, "--gpu_id=x"), "gpu_id: expected the number of a GPU"),
    ((*RUN, "--epochs=1/0"), "epochs: expected a whole number at least 0, found '1/0'"),
    # the evaluation
    ((*RUN, "--metrics=['NDGC']"), "metrics: RecBole has no metric NDGC; did you mean NDCG"),
    ((*RUN, "--metrics=['NDCG', 'RMSE']"), "metrics: NDCG are of rankings and RMSE of predicted"),
    ((*RUN, "--valid_metric=NDCG@20"), "valid_metric: expected a metric that the run computes"),
    ((*RUN, "--topk=[]"), "topk: expected a whole number at least 1"),
    ((*RUN, "--eval_args={'mode': 'ful'}"), "eval_args: mode: expected full, labeled"),
    ((*RUN, "--eval_args={'split': {'LS': 'valid_only'}}"), "expected a test part"),
    # headers
    ((*RUN[:2], "--dataset=empty"), "empty.inter: the file is empty"),
    ((*RUN[:2], "--dataset=nothing"), "nothing.inter: no such file"),
    ((*RUN[:2], "--dataset=untyped"), "untyped.inter, line 1: expected columns written name:type"),
    ((*RUN, "--ITEM_ID_FIELD=movie"), "made.inter, line 1: no column movie"),
    ((*RUN, "--field_separator=,"), "made.inter, line 1: expected columns written name:type"),
    ((*RUN, "--model=AutoRec", "--RATING_FIELD=stars"), "stars"),
    # the other doors
    ((*RUN, "--resume=gone.pth"), "gone.pth: no such checkpoint"),
    (("run_hyper", *RUN[1:], "--params_file=space.txt"), "space.txt: epohcs: neither BPR nor"),
    (("run_hyper", *RUN[1:], "--params_file=gone.txt"), "--params_file: gone.txt"),
    (("run_hyper", *RUN[1:2], "-d", "mode", "--params_file=fine.txt"), "no folder dataset/mode"),
    (("recbole-ext", "benchmark", "plan.yaml"), "--dataset=mode: no folder dataset/mode"),
    (("recbole-ext", "search", "search.yaml"), "--dataset=mode: no folder dataset/mode"),
    (("recbole-ext", "denoise", "-d", "mode"), "--dataset=mode: no folder dataset/mode"),
    (("recbole-ext", "evaluate", "gone.pth"), "gone.pth: no such checkpoint"),
    (("recbole-ext", "evaluate", "key.yaml"), "key.yaml: not a checkpoint"),
    (("recbole-ext", "similar", "gone.pth", "--item=1"), "gone.pth: no such checkpoint"),
    (("recbole-ext", "project", "gone.pth"), "gone.pth: no such checkpoint"),
    (("recbole-ext", "explore", "gone.pth"), "gone.pth: no such checkpoint"),
]
PLAN = """
datasets: [made, mode]
protocols: {default: NDCG@10}
seeds: [1]
models: {BPR: {model: BPR}}
"""
SEARCH = """
model: BPR
datasets: [made, mode]
trials: 1
space: {learning_rate: [0.1, 0.2]}
"""


@pytest.fixture
def mistakes(ratings: Path) -> None:
    """The files of ``WRONG``."""
    SHAPES["pairwise"].copy_to(Path())
    for name, text in {
        "key.yaml": "epohcs: 3\n",
        "twice.yaml": "epochs: 3\nepochs: 4\n",
        "broken.yaml": "epochs: 3\n]\n",
        "space.txt": "epohcs choice [1, 2]\n",
        "fine.txt": "epochs choice [1, 2]\n",
        "plan.yaml": PLAN,
        "search.yaml": SEARCH,
        "dataset/empty/empty.inter": "",
        "dataset/nothing/nothing.item": "item_id:token\n",
        "dataset/untyped/untyped.inter": "user_id\titem_id\n1\t2\n",
        "dataset/beside/beside.inter": f"{runs.HEADER}\n1\t2\t3\t4\n",
        "dataset/beside/beside.yaml": "epohcs: 3\n",
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)


def told_lightly(commands, heavy: str) -> list[tuple[int, str, str]]:
    """Exit status, message and exception of each command, in one process that imports nothing."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, heavy],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_mistakes_are_told_before_anything_heavy_is_imported(mistakes):
    """One process for all of them: what the first one imports, the others would find."""
    told = told_lightly([command for command, _ in WRONG], "pandas")
    for (command, message), (status, printed, exception) in zip(WRONG, told, strict=True):
        assert "is imported" not in printed + exception, command
        assert status == 2, (command, printed, exception)
        assert printed.startswith("error: ")
        assert message in printed
        assert printed.count("\n") == 1


def test_a_missing_rating_waits_for_pandas_alone(ratings):
    runs.write_inter(ratings, "holes", [("u1", "i1", "", 1), ("u1", "i2", 3, 2)])
    command = ("run_recbole", "--data_path=dataset", "--dataset=holes", "--model=AutoRec")
    ((status, printed, exception),) = told_lightly([command], "")
    assert (status, "holes.inter, line 2: rating" in printed) == (2, True), exception


def test_what_is_right_goes_on_to_recbole(ratings):
    """Otherwise the checks would be of nothing."""
    ((_, printed, exception),) = told_lightly([(*RUN, "--epochs=1")], "pandas")
    assert (printed, "recbole.config is imported" in exception) == ("", True)
