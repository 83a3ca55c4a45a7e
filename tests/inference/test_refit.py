"""A model that is trained on all data."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import recbole_ext
from recbole_ext.cli import main
from tests import runs
from tests.inference import trained


def invoke(*words: Path | str) -> Any:
    return CliRunner().invoke(main.main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path) -> Path:
    runs.write_ratings(tmp_path / "dataset", "made")
    return tmp_path


@pytest.mark.parametrize("model", ["AutoRec", "BPR", "EASE"])
def test_it_is_trained_on_all_interactions_for_the_epochs_of_the_best(model, folder):
    file = trained.train(model, folder)
    record = torch.load(file, weights_only=True)
    result = invoke("refit", file)
    assert result.exit_code == 0, result.output
    refit = folder / f"{model}-refit.pth"
    assert f"checkpoint: {refit}" in result.stdout
    again = torch.load(refit, weights_only=True)
    assert again["epoch"] == record["epoch"]
    assert again["config"]["refit_of"] == str(file)
    for key in ("learning_rate", "seed", "train_batch_size"):
        assert again["config"][key] == record["config"][key]
    recommender = recbole_ext.load(refit)
    assert set(recommender.trained.parts) == {"train"}
    rows = (folder / "dataset" / "made" / "made.inter").read_text().splitlines()[1:]
    pairs = {tuple(row.split("\t")[:2]) for row in rows}
    assert set(trained.pairs_of(recommender.trained.parts["train"])) == pairs
    rated = trained.by_user(pairs)
    frame = recommender.recommend(recommender.users, k=20)
    for user, items in frame.groupby("user_id")["item_id"]:
        assert set(items) == set(recommender.items) - rated[user]


def test_ease_on_all_data_is_ease_of_all_rows(folder):
    """The closed form, worked out in numpy."""
    import numpy as np

    invoke("refit", trained.train("EASE", folder, reg_weight=10.0))
    recommender = recbole_ext.load(folder / "EASE-refit.pth")
    dataset = recommender.trained.dataset
    x = dataset.inter_matrix(form="csr").toarray().astype(np.float64)
    p = np.linalg.inv(x.T @ x + 10.0 * np.eye(x.shape[1]))
    b = p / -np.diag(p)
    np.fill_diagonal(b, 0.0)
    u, i = dataset.token2id("user_id", "u7"), dataset.token2id("item_id", "i6")
    score = recommender.predict("u7", "i6")["score"].item()
    assert score == pytest.approx((x @ b)[u, i], rel=1e-4)


def test_evaluate_refuses_it(folder):
    file = trained.train("BPR", folder)
    invoke("refit", file)
    result = invoke("evaluate", folder / "BPR-refit.pth")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {folder / 'BPR-refit.pth'}: has been trained on all data by recbole-ext refit, so "
        f"nothing is left to test it on; evaluate the model that it is the refit of: {file}\n"
    )
    assert invoke("evaluate", file).exit_code == 0


def test_recommend_asks_the_refit_and_says_so(folder):
    file, whole = trained.train("EASE", folder), folder / "EASE-refit.pth"
    alone = invoke("recommend", file, "--user", "u1", "--json")
    assert "note: " not in alone.stderr
    invoke("refit", file)
    result = invoke("recommend", file, "--user", "u1", "--json")
    # warnings of libraries, which Python hides from users, stand there, too
    assert result.stderr.endswith(
        f"note: answered by {whole}, which is {file} trained on all data; --original asks {file} "
        "itself\n"
    )
    named = invoke("recommend", whole, "--user", "u1", "--json")
    assert named.stdout == result.stdout != alone.stdout
    assert "note: " not in named.stderr
    assert json.loads(result.stdout)["checkpoint"] == str(whole)
    original = invoke("recommend", file, "--user", "u1", "--json", "--original")
    assert original.stdout == alone.stdout
    assert "note: " not in original.stderr
    assert f"seed 2020, from {whole}\n" in invoke("recommend", file, "--user", "u1").stdout


def test_another_file_of_that_name_is_refused(folder):
    file, whole = trained.train("BPR", folder), folder / "BPR-refit.pth"
    for content, found in (
        (trained.train("Pop", folder).read_bytes(), "one of no refit"),
        (b"nothing", ""),
    ):
        whole.write_bytes(content)
        result = invoke("recommend", file, "--user", "u1")
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        assert str(whole) in result.stderr
        assert found in result.stderr
        assert invoke("recommend", file, "--user", "u1", "--original").exit_code == 0


def test_what_cannot_be_refitted_is_one_line(folder):
    file = trained.train("BPR", folder)
    invoke("refit", file)
    twice = invoke("refit", folder / "BPR-refit.pth")
    assert (twice.exit_code, twice.stdout) == (2, "")
    assert "has been trained on all data already" in twice.stderr
    record = torch.load(file, weights_only=True)
    record["config"]["benchmark_filename"] = ["train", "valid", "test"]
    torch.save(record, "split.pth")
    split = invoke("refit", "split.pth")
    assert (split.exit_code, split.stderr.count("\n")) == (2, 1)
    assert "is split by files (benchmark_filename)" in split.stderr
