from pathlib import Path

import pytest

import recbole_ext
from tests import runs
from tests.inference import trained


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    """A folder with the data set `made`, with titles, and a checkpoint of each small model."""
    folder = tmp_path_factory.mktemp("inference")
    runs.write_ratings(folder / "dataset", "made")
    titles = [f"i{i}\tFilm {i}, the {'first' if i == 0 else 'next'}" for i in range(20)]
    text = "\n".join(["item_id:token\tmovie_title:token_seq", *titles]) + "\n"
    (folder / "dataset" / "made" / "made.item").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for model in trained.SETTINGS:
            trained.train(model, folder)
    return folder


@pytest.fixture(scope="module")
def load(place, tmp_path_factory):
    """Trains a model with settings of a test, and loads its checkpoint."""

    def train(model: str, **settings):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path_factory.mktemp("run"))
            name = f"{model}-{len(list(place.glob('*.pth')))}"
            return recbole_ext.load(trained.train(model, place, name, **settings))

    return train
