"""The tutorial's code runs from its first block to its last, in both languages."""

import math
import re

import numpy as np
import pytest

from recbole_ext.registry import keys
from tests import pages, runs

PAGE = pages.ROOT / "docs" / "tutorial.md"
KOREAN = pages.ROOT / "docs" / "tutorial.ko.md"


def blocks(path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def notebook(ratings):
    """The variables of the notebook after its last block, on the small data set `made`."""
    code, n_replaced = re.subn(
        r"^file = .*$",
        f"file = {str(ratings / 'made' / 'made.inter')!r}",
        "\n".join(blocks(PAGE)[:-1]),
        flags=re.M,
    )
    assert n_replaced == 1
    variables: dict = {}
    exec(compile(code, "tutorial", "exec"), variables)
    return variables


def test_both_languages_have_the_same_code_and_steps():
    assert blocks(PAGE) == blocks(KOREAN)
    texts = [path.read_text(encoding="utf-8") for path in (PAGE, KOREAN)]
    assert pages.commands(texts[0]) == pages.commands(texts[1])
    steps = [re.findall(r"^### \w+ (\d+):", text, re.M) for text in texts]
    assert steps == [[str(number) for number in range(1, 15)]] * 2
    places = [re.findall(r"`(\w+/[\w/]+\.py)`", text) for text in texts]
    assert sorted(places[0]) == sorted(places[1])


def test_the_steps_name_files_that_exist():
    names = set(re.findall(r"`(\w+/[\w/]+\.py)`", PAGE.read_text(encoding="utf-8")))
    assert len(names) > 10
    for name in names:
        assert (pages.ROOT / "recbole_ext" / name).is_file(), name


def test_the_notebook_runs(notebook):
    labels, test = notebook["labels"], notebook["test"]
    assert labels.shape == (30, 20)
    assert labels.sum() == len(notebook["ratings"])
    assert len(test) == labels.size // 5
    assert not set(test) & set(notebook["train"])
    assert labels[notebook["users"], notebook["negatives"]].sum() == 0
    assert 0 < notebook["ncf_rmse"] < 1
    assert 0 <= notebook["ncf_auc"] <= 1
    users, items, held_out = (notebook[name] for name in ("users", "items", "rated_test"))
    assert not notebook["rows"][users[held_out], items[held_out]].any()
    always_zero = np.sqrt(np.mean(notebook["stars"][held_out] ** 2))
    assert notebook["autorec_rmse"] < always_zero


def test_the_plugin_runs(tmp_path, ratings):
    network = next(block for block in blocks(PAGE) if block.startswith("class NCF("))
    (tmp_path / "notebook_ncf.py").write_text(f"{blocks(PAGE)[-1]}\n\n{network}")
    name = keys.check_model("notebook_ncf.py:NotebookNCF")
    run = runs.prepare(name, **runs.RANKING)
    score, _ = run.fit(saved=False)
    assert math.isfinite(score)
    assert all(math.isfinite(loss) for loss in run.trainer.train_loss_dict.values())
