from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from recbole_ext.data import grid, interaction_file
from recbole_ext.errors import DataError, SettingError
from recbole_ext.evaluator import protocols
from tests import runs

PROTOCOL = protocols.grid(0.2, 0.1, 3)


@pytest.fixture
def source(tmp_path):
    runs.write_ratings(tmp_path / "dataset", "made")
    return interaction_file.read(tmp_path / "dataset" / "made" / "made.inter")


def cells_of(name: str, phase: str) -> dict[tuple[str, str], str]:
    lines = Path(f"dataset/{name}/{name}.{phase}.inter").read_text().splitlines()
    assert lines[0] == "user_id:token\titem_id:token\tlabel:float\trating:float"
    return {tuple(line.split("\t")[:2]): line.split("\t")[2] for line in lines[1:]}


def test_every_cell_stands_in_one_part_with_its_label(source):
    dataset = PROTOCOL.write_dataset(source, Path("dataset"))
    parts = {phase: cells_of("made-grid", phase) for phase in ("train", "valid", "test")}
    assert {phase: len(cells) for phase, cells in parts.items()} == dataset.counts
    assert dataset.counts == {"train": 420, "valid": 60, "test": 120}
    whole = parts["train"] | parts["valid"] | parts["test"]
    assert len(whole) == 30 * 20
    rated = {tuple(line.split("\t")[:2]) for line in source.path.read_text().splitlines()[1:]}
    assert {cell for cell, label in whole.items() if label == "1"} == rated
    assert {label for label in whole.values()} == {"0", "1"}


def test_a_cell_has_its_rating_and_0_without_one(source):
    PROTOCOL.write_dataset(source, Path("dataset"))
    text = source.path.read_text().splitlines()[1:]
    stars = {tuple(line.split("\t")[:2]): line.split("\t")[2] for line in text}
    for phase in ("train", "valid", "test"):
        for line in Path(f"dataset/made-grid/made-grid.{phase}.inter").read_text().splitlines()[1:]:
            *cell, label, rating = line.split("\t")
            assert rating == stars.get(tuple(cell), "0")
            assert (label == "1") == (tuple(cell) in stars)


def test_the_class_model_trains_on_the_grid(source):
    PROTOCOL.write_dataset(source, Path("dataset"))
    size = {"embedding_size": 4, "mlp_hidden_size": [4]}
    run = runs.prepare("NCFMLP", "made-grid", loss_type="CE", **size)
    assert run.model.levels.tolist() == [1, 2, 3, 4, 5]
    batch = next(iter(run.train))
    scores = run.model.eval().net(batch["user_id"], batch["item_id"])
    expected = torch.nn.functional.cross_entropy(scores, batch["rating"].long())
    assert run.model.calculate_loss(batch).item() == pytest.approx(expected.item(), rel=1e-5)
    run.fit()
    assert set(run.trainer.evaluate(run.test)) == {"auc", "logloss", "rmse", "mae"}


def test_the_split_is_scikit_learns(source):
    cells = grid.labels(source)
    found = grid.split(cells, 0.2, 0.1, 3)
    _, held = train_test_split(np.arange(600), test_size=0.2, stratify=cells, random_state=3)
    assert found["test"].tolist() == sorted(held)
    for index in found.values():
        assert cells[index].mean() == pytest.approx(cells.mean(), abs=0.01)


def test_the_baselines_by_a_plain_loop(source):
    cells = grid.labels(source).reshape(30, 20)
    parts = grid.split(cells.ravel(), 0.2, 0.1, 3)
    found = grid.baselines(cells.ravel(), parts, 20)
    train = np.zeros((30, 20), dtype=bool)
    train.ravel()[parts["train"]] = True
    share = cells[train].mean()
    guesses, truth = [], []
    for cell in parts["test"]:
        user, item = divmod(int(cell), 20)
        column = cells[train[:, item], item]
        guesses.append((column.sum() + share) / (len(column) + 1))
        truth.append(cells[user, item])
    guesses, truth = np.array(guesses), np.array(truth)
    assert found["popularity"]["auc"] == pytest.approx(roc_auc_score(truth, guesses))
    assert found["popularity"]["rmse"] == pytest.approx(np.sqrt(((guesses - truth) ** 2).mean()))
    assert found["popularity"]["mae"] == pytest.approx(np.abs(guesses - truth).mean())
    assert found["constant"]["auc"] == 0.5
    assert found["constant"]["rmse"] == pytest.approx(np.sqrt(((share - truth) ** 2).mean()))


@pytest.mark.parametrize("model", ["NCFMLP", "NeuMF"])
def test_a_model_trains_on_the_grid_and_on_nothing_else(model, source):
    dataset = PROTOCOL.write_dataset(source, Path("dataset"))
    run = runs.prepare(model, "made-grid", **runs.SMALL.get(model, {}))
    labels = sum(len(batch["label"]) for batch in run.train)
    ones = sum(float(batch["label"].sum()) for batch in run.train)
    assert labels == dataset.counts["train"]  # no negatives are drawn
    assert ones == sum(label == "1" for label in cells_of("made-grid", "train").values())
    run.fit()
    result = run.trainer.evaluate(run.test, load_best_model=False)
    assert set(result) == {"auc", "logloss", "rmse", "mae"}
    assert 0 < result["rmse"] < 1


@pytest.mark.parametrize("kind", ["BCE", "RMSE", "BPR", "softmax", "CE"])
def test_whole_rows_of_the_grid_are_its_training_cells(kind, source):
    """The loss of some users is that of their cells, and of no cell of another part."""
    PROTOCOL.write_dataset(source, Path("dataset"))
    size = {"embedding_size": 4, "mlp_hidden_size": [4], "dropout_prob": 0.0}
    run = runs.prepare("NCFMLP", "made-grid", loss_type=kind, negatives="all", **size)
    for parameter in run.model.net.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    assert run.model.objective.labels.starts[-1] == 420
    users = torch.tensor([3, 1, 8])
    cells = run.train._dataset.inter_feat
    own = torch.isin(cells["user_id"], users)
    labels, stars = cells["label"][own], cells["rating"][own]
    with torch.no_grad():
        scores = run.model.net(cells["user_id"][own], cells["item_id"][own])
    if kind == "CE":
        expected = torch.nn.functional.cross_entropy(scores, stars.long())
    elif kind == "BCE":
        expected = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
    elif kind == "RMSE":
        expected = torch.nn.functional.mse_loss(torch.sigmoid(scores), labels).sqrt()
    else:
        terms = []
        for user in users:
            row = scores[cells["user_id"][own] == user]
            liked = labels[cells["user_id"][own] == user] > 0
            if kind == "BPR":
                terms += [-torch.sigmoid(i - j).log() for i in row[liked] for j in row[~liked]]
            else:
                terms += list(-row.log_softmax(0)[liked])
        expected = torch.stack(terms).mean()
    assert run.model.calculate_loss({"user_id": users}).item() == pytest.approx(
        expected.item(), rel=1e-5
    )
    run.fit()
    assert set(run.trainer.evaluate(run.test)) == {"auc", "logloss", "rmse", "mae"}


def test_histories_on_the_grid_are_of_ones(source):
    PROTOCOL.write_dataset(source, Path("dataset"))
    run = runs.prepare("NCFMLP", "made-grid", history="both", **runs.SMALL["NCFMLP"])
    cells = run.train._dataset.inter_feat
    ones = cells[cells["label"] > 0]
    users, items = run.model.net.user_embedding.histories, run.model.net.item_embedding.histories
    assert len(users.columns) == len(items.columns) == len(ones)
    for user, item in zip(ones["user_id"], ones["item_id"], strict=True):
        assert item in users.columns[users.starts[user] : users.starts[user + 1]]
        assert user in items.columns[items.starts[item] : items.starts[item + 1]]


def test_interactions_of_a_batch_are_not_told_from_each_other_on_the_grid(source):
    PROTOCOL.write_dataset(source, Path("dataset"))
    with pytest.raises(SettingError, match="a data set that has labels of its own, label; set neg"):
        runs.prepare("NCFMLP", "made-grid", negatives="in_batch", **runs.SMALL["NCFMLP"])


def test_auc_and_rmse_are_those_of_the_test_cells(source):
    """RecBole's figures for a model that predicts a known number, against scikit-learn's."""
    import torch

    PROTOCOL.write_dataset(source, Path("dataset"))
    run = runs.prepare("NCFMLP", "made-grid", **runs.SMALL["NCFMLP"])
    tokens = run.dataset.field2id_token["item_id"][1:]
    number = torch.tensor([0.0] + [float(t[1:]) / 20 for t in tokens])
    run.model.predict = lambda batch: number[batch["item_id"]]
    result = run.trainer.evaluate(run.test, load_best_model=False)
    cells = cells_of("made-grid", "test")
    truth = np.array([float(label) for label in cells.values()])
    guess = np.array([float(item[1:]) / 20 for _, item in cells])
    assert result["auc"] == pytest.approx(roc_auc_score(truth, guess), abs=1e-6)
    assert result["rmse"] == pytest.approx(np.sqrt(((truth - guess) ** 2).mean()), abs=1e-6)


def test_a_grid_that_is_too_large_is_refused(source, monkeypatch):
    monkeypatch.setattr(grid, "MOST_CELLS", 599)
    with pytest.raises(DataError, match=r"30 users x 20 items are 600 cells, expected at most 599"):
        PROTOCOL.write_dataset(source, Path("dataset"))
    assert not Path("dataset/made-grid").exists()


@pytest.mark.slow
def test_the_grid_of_ml_100k(tmp_path):
    rows = interaction_file.read(interaction_file.locate("ml-100k", tmp_path))
    dataset = protocols.grid(0.2, 0.05, 2020).write_dataset(rows, Path("dataset"), "g")
    assert sum(dataset.counts.values()) == 943 * 1682 == 1_586_126
    assert dataset.counts["test"] == 317_226
    ones = {}
    for phase in dataset.counts:
        text = Path(f"dataset/g/g.{phase}.inter").read_text()
        ones[phase] = dataset.counts[phase] - text.count("\t0\t0\n")
    assert sum(ones.values()) == 100_000
    for phase, count in ones.items():
        assert count / dataset.counts[phase] == pytest.approx(100_000 / 1_586_126, abs=1e-4)
    assert 0.8 < dataset.baselines["popularity"]["auc"] < 0.9
