"""Each clause of ModelContract: a model that is right passes, of another it says what is wrong."""

from contextlib import nullcontext
from typing import ClassVar

import pytest

from recbole_ext.testing import ModelContract
from tests.own_models.shapes import FOLDER, SHAPES

RIGHT = """
import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType
from torch import nn

class Mine(GeneralRecommender):
    input_type = InputType.PAIRWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.users = nn.Embedding(self.n_users, 8)
        self.items = nn.Embedding(self.n_items, 8)
        self.seen = 0.0

    def score(self, users, items):
        return (self.users(users) * self.items(items)).sum(1)

    def calculate_loss(self, interaction):
        users = interaction[self.USER_ID]
        apart = self.score(users, interaction[self.ITEM_ID])
        apart = apart - self.score(users, interaction[self.NEG_ITEM_ID])
        return -nn.functional.logsigmoid(apart).mean()

    def predict(self, interaction):
        return self.score(interaction[self.USER_ID], interaction[self.ITEM_ID])

    def full_sort_predict(self, interaction):
        return (self.users(interaction[self.USER_ID]) @ self.items.weight.T).view(-1)
"""

# Clause -> what is changed of the model above, and what is said.
WRONG = [
    (
        "test_the_loss_is_finite",
        "(apart).mean()",
        "(apart).mean() * float('nan')",
        "Mine: its loss is nan in the first epochs",
    ),
    (
        "test_every_parameter_gets_a_gradient",
        "self.seen = 0.0",
        "self.tower = nn.Linear(2, 2)",
        r"no gradient reaches tower\.weight, tower\.bias: the loss does not depend on them",
    ),
    (
        "test_every_parameter_gets_a_gradient",
        "return (self.users(users) * self.items(items)).sum(1)",
        "return (self.users(users) * self.items(items)).sum(1) * 0",
        r"no gradient reaches users\.weight, items\.weight: the loss does not depend on them",
    ),
    (
        "test_predict_is_full_sort_predict",
        "return self.score(interaction[self.USER_ID], interaction[self.ITEM_ID])",
        "return self.score(interaction[self.USER_ID], interaction[self.ITEM_ID]).sigmoid()",
        "predict and full_sort_predict differ by up to .* in the same order: rankings agree",
    ),
    (
        "test_the_same_seed_gives_the_same_result",
        "self.seen = 0.0",
        "import os; self.users.weight.data += int.from_bytes(os.urandom(2), 'big') / 2**16",
        "it draws from random numbers that the seed does not set",
    ),
    (
        "test_a_checkpoint_gives_the_same_scores",
        "        users = interaction[self.USER_ID]\n",
        "        users = interaction[self.USER_ID]\n        self.seen += 1\n",
        "it predicts by something that is neither a parameter nor a buffer",
    ),
    (
        "test_training_sees_training_rows_alone",
        "self.seen = 0.0",
        "import pathlib; text = pathlib.Path('dataset/board/board.inter').read_text(); "
        "torch.manual_seed(sum(map(ord, text))); nn.init.normal_(self.users.weight)",
        "it trains on what it is tested on",
    ),
    (
        "test_the_checkerboard_is_learnt",
        "return -nn.functional.logsigmoid(apart).mean()",
        "return nn.functional.logsigmoid(apart).mean()",
        "it does not learn who likes what",
    ),
    (
        "test_predict_is_full_sort_predict",
        "return self.score(interaction[self.USER_ID], interaction[self.ITEM_ID])",
        "return -self.score(interaction[self.USER_ID], interaction[self.ITEM_ID])",
        "differ by up to .* and order the items otherwise: rankings",
    ),
]


class Fault(ModelContract):
    model = "mine.py:Mine"
    checkerboard = {"epochs": 40, "learning_rate": 0.05}  # noqa: RUF012


@pytest.fixture
def fault(tmp_path, monkeypatch):
    """The contract of a model that is written into the current folder."""
    monkeypatch.setattr(Fault, "model", f"{tmp_path}/mine.py:Mine")

    def write(old: str = "", new: str = "") -> Fault:
        assert old in RIGHT
        text = RIGHT.replace(old, new, 1) if old else RIGHT
        if "self.seen += 1" in text:
            text = text.replace(".weight.T).view(-1)", ".weight.T).view(-1) * self.seen")
        (tmp_path / "mine.py").write_text(text)
        return Fault()

    return write


@pytest.mark.parametrize(("clause", "old", "new", "sentence"), WRONG)
def test_a_clause_says_what_is_wrong(clause, old, new, sentence, fault):
    with pytest.raises(AssertionError, match=f"^Mine: .*{sentence.removeprefix('Mine: ')}"):
        getattr(fault(old, new), clause)()


@pytest.mark.parametrize("clause", Fault.clauses())
def test_a_model_that_is_right_passes(clause, fault):
    getattr(fault(), clause)()


def test_the_padding_id_in_a_batch_is_told(fault):
    contract = Fault()
    contract.model = f"{FOLDER}/line_ae.py:LineAE"
    with pytest.raises(
        AssertionError, match="batches have the padding id 0 as a user_id: it learns"
    ):
        contract.test_the_padding_id_is_harmless()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["with item features", "with a knowledge graph"])
def test_other_kinds_keep_the_contract(kind):
    """`python -m tests.own_models` has all of them."""
    shape = SHAPES[kind]

    class OfShape(ModelContract):
        model = f"{FOLDER / shape.file}:{shape.name}"

    contract = OfShape()
    for clause in OfShape.clauses():
        getattr(contract, clause)()


def test_a_model_is_named_from_the_folder_of_its_test():
    class Own(ModelContract):
        model = "shapes/pair_mf.py:PairMF"  # beside this file, not in the current folder

    assert Own().name == "PairMF"


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_a_model_that_rates_and_ranks_is_compared_by_its_ranking(weight, tmp_path, monkeypatch):
    """``predict`` of AutoRec gives ratings, in their range; a ranking asks for other scores."""
    (tmp_path / "rates.py").write_text(
        "from recbole_ext.models.autorec.adapter import AutoRec\nclass Rates(AutoRec): pass\n"
    )

    class Own(ModelContract):
        model = f"{tmp_path}/rates.py:Rates"

    Own.settings = {"mlp_hidden_size": [4], "learning_rate": 0.1, "exposure_weight": weight}
    Own().test_predict_is_full_sort_predict()
    monkeypatch.setattr("recbole_ext.models.autorec.adapter.AutoRec.for_ranking", nullcontext)
    with pytest.raises(AssertionError, match="Rates: predict and full_sort_predict differ"):
        Own().test_predict_is_full_sort_predict()


def test_sequences_are_scored_as_recbole_gives_them_to_a_model():
    """SHAN's yaml asks for a transformed batch: it predicts by a column that no data set has."""

    class Own(ModelContract):
        model = "SHAN"
        settings: ClassVar = {"train_neg_sample_args": None}

    Own().test_predict_is_full_sort_predict()


def test_one_of_several_settings_has_to_learn_the_board(fault):
    contract = fault()
    contract.checkerboard = ({"epochs": 1, "learning_rate": 1e-9}, {"epochs": 60})
    contract.settings = {"learning_rate": 0.05}
    contract.test_the_checkerboard_is_learnt()
    contract.checkerboard = contract.checkerboard[:1]
    with pytest.raises(AssertionError, match="it does not learn who likes what"):
        contract.test_the_checkerboard_is_learnt()
