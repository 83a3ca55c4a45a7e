import numpy as np
import pytest
import torch
from click.testing import CliRunner
from sklearn.metrics.pairwise import cosine_similarity

from recbole_ext.cli import main
from recbole_ext.models import representations
from tests import runs

ITEMS = "item_id:token\ttitle:token_seq\n" + "".join(
    f"i{n}\tThe {n}th, a film\n" for n in range(19)
)


def invoke(*words):
    return CliRunner().invoke(main.main, list(map(str, words)), catch_exceptions=False)


@pytest.fixture
def trained(ratings):
    (ratings / "made" / "made.item").write_text(ITEMS)
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    run.fit()
    run.trainer.evaluate(run.valid)
    return run


def test_nearest_equals_scikit_learn():
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 4)))
    vectors[0] = vectors[3]  # padding looks like number 3, and is nobody's neighbour
    ids, cosines = representations.nearest(vectors, torch.tensor([3, 8]), 7)
    expected = cosine_similarity(vectors)
    for row, (near, actual) in zip((3, 8), zip(ids, cosines, strict=True), strict=True):
        others = sorted(set(range(1, 9)) - {row}, key=lambda n: -expected[row, n])
        assert near.tolist() == others
        np.testing.assert_allclose(actual, expected[row, others])


@pytest.mark.parametrize("name", ["AutoRec", "NCFMLP"])
def test_models_say_what_their_vectors_are(name, ratings):
    run = runs.prepare(name, **runs.SMALL[name])
    users, items = (representations.vectors(run.model, of) for of in ("user", "item"))
    assert users.shape[0] == run.dataset.user_num
    assert items.shape[0] == run.dataset.item_num
    assert not items.requires_grad


def test_neighbours_are_listed_with_their_features(trained):
    file = trained.trainer.saved_model_file
    result = invoke("similar", file, "--item", "i3", "--user", "u2", "-k", 3)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert lines[0].split() == ["cosine", "item_id", "title"]
    assert lines[2].split() == ["i3", "The", "3th,", "a", "film"]
    vectors = representations.vectors(trained.model, "item").numpy()
    tokens = trained.dataset.field2id_token["item_id"]
    number = trained.dataset.field2token_id["item_id"]["i3"]
    cosines = cosine_similarity(vectors)[number]
    order = [n for n in np.argsort(-cosines) if n not in (0, number)][:3]
    for line, near in zip(lines[3:6], order, strict=True):
        assert line.split()[:2] == [f"{cosines[near]:.4f}", tokens[near]]
    assert lines[6].split() == ["cosine", "user_id"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--item", "i99"), "--item i99: no such item_id in made"),
        (("--user", "[PAD]"), "--user [PAD]: no such user_id in made"),
        (("--item", "i1", "-k", "20"), "-k 20: expected at most 19, the number of other items"),
        ((), "say which: --item TOKEN or --user TOKEN"),
    ],
)
def test_what_is_not_there_is_said(words, message, trained):
    result = invoke("similar", trained.trainer.saved_model_file, *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_model_without_vectors_is_refused(ratings):
    run = runs.prepare("BPR", embedding_size=4)
    run.fit()
    result = invoke("project", run.trainer.saved_model_file, "--output", "there")
    assert result.exit_code == 2
    assert "BPR does not say what its vectors are" in result.stderr


def test_the_projector_has_every_vector_and_label(trained, tmp_path):
    result = invoke("project", trained.trainer.saved_model_file, "--output", tmp_path / "there")
    assert result.exit_code == 0, result.output
    config = (tmp_path / "there" / "projector_config.pbtxt").read_text()
    assert "items" in config
    assert "users" in config
    actual = {}
    for folder in (tmp_path / "there").rglob("tensors.tsv"):
        actual[folder.parent.name] = (
            np.loadtxt(folder),
            (folder.parent / "metadata.tsv").read_text().splitlines(),
        )
    items, labels = actual["items"]
    vectors = representations.vectors(trained.model, "item")[1:]
    np.testing.assert_allclose(items, vectors, atol=1e-5)
    assert labels[0] == "item_id\ttitle"
    assert len(labels) == 1 + len(items)
    tokens = [line.split("\t")[0] for line in labels[1:]]
    assert tokens == list(trained.dataset.field2id_token["item_id"][1:])
    assert actual["users"][1] == list(trained.dataset.field2id_token["user_id"][1:])
