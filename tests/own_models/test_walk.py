"""A model of one's own in use; `python -m tests.own_models` does it for every shape."""

import shutil
import warnings
from pathlib import Path

import pytest

import recbole_ext
from recbole_ext.errors import CheckpointError, RegistryError, SettingError
from recbole_ext.experiments import benchmark_plan, search_plan
from recbole_ext.registry import keys, model_source, models, packed_source
from recbole_ext.trainer import same_run
from tests import runs
from tests.own_models.shapes import SHAPES
from tests.own_models.walk import STEPS, Walk

SHAPE = SHAPES["with a graph"]  # it has a file beside it


@pytest.fixture
def walk(tmp_path, forks):
    return Walk(SHAPE, tmp_path / "walk", forks.run)


@pytest.mark.slow
def test_a_model_in_use(walk):
    walk.trained()
    walk.evaluated()
    walk.resumed()
    walk.in_two_processes()
    walk.benchmarked()


@pytest.mark.slow
def test_a_benchmark_runs_the_source_that_was_read(walk):
    walk.in_other_processes()


def test_all_steps_are_in_the_table():
    methods = {name for name, of in vars(Walk).items() if callable(of) and name[0] != "_"}
    assert {step.__name__ for step in STEPS.values()} == methods - {"on_nodes"}


# --- a checkpoint and its source ------------------------------------------------------------


@pytest.fixture
def trained(ratings):
    """A checkpoint of a file's model, which the process has forgotten since."""
    run = runs.prepare(SHAPE.copy_to(Path("theirs")), epochs=1)
    run.fit()
    models.forget()
    return run.trainer.saved_model_file


def restored(file: str) -> list[str]:
    """Warnings of a checkpoint's source; its model is known afterwards."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same_run.check_usable(file)
    return [str(one.message) for one in caught if "checkpoint" in str(one.message)]


def test_a_checkpoint_knows_where_its_model_is(trained):
    import torch

    record = torch.load(trained, weights_only=True)
    saved = record["model_source"]
    assert (saved["name"], saved["module"]) == ("HopMF", "")
    assert saved["file"] == str(Path("theirs/hop_mf.py").absolute())
    assert record["identity"]["versions"][f"{saved['file']}:HopMF"] == saved["hash"]
    assert restored(trained) == []
    assert models.source("HopMF").hash == saved["hash"]
    assert recbole_ext.load(trained).recommend("u3", k=2)["rank"].tolist() == [1, 2]


def test_a_changed_source_is_a_warning(trained):
    path = Path("theirs/graph_layers.py")
    path.write_text(path.read_text() + "\n# another line\n")
    (message,) = restored(trained)
    assert message.startswith(f"{trained}: {Path('theirs/hop_mf.py').absolute()}:HopMF has changed")
    assert "its weights are of the earlier source" in message


def test_a_source_that_has_gone_is_an_error_that_says_what_to_give(trained):
    shutil.move("theirs", "moved")
    expected = (
        r"its model HopMF was in the file .*theirs/hop_mf\.py; give --model=FILE\.py:HopMF or"
    )
    with pytest.raises(CheckpointError, match=expected):
        restored(trained)
    recommender = recbole_ext.load(trained, model="moved/hop_mf.py:HopMF")
    assert recommender.trained.name == "HopMF"
    Path("theirs").mkdir()
    Path("theirs/hop_mf.py").write_text("class Another: pass\n")
    models.forget()
    with pytest.raises(
        CheckpointError, match=r"hop_mf\.py has no class HopMF; its classes are Ano"
    ):
        restored(trained)


def test_a_class_of_a_program_is_named_in_the_error(ratings):
    from recbole.model.general_recommender import BPR

    class Inner(BPR):
        pass

    run = runs.prepare(Inner, epochs=1)  # type: ignore[arg-type]
    run.fit()
    models.forget()
    expected = (
        r"its model Inner was a class of a program or a notebook.*recbole_ext\.register\(Inner"
    )
    with pytest.raises(CheckpointError, match=expected):
        restored(run.trainer.saved_model_file)
    recbole_ext.register(Inner)
    assert restored(run.trainer.saved_model_file) == []


@pytest.mark.parametrize(
    "damage",
    [{"more": "x"}, {"file": 3}, {"module": None}],
    ids=str,
)
def test_a_damaged_source_is_refused(damage, trained):
    import torch

    record = torch.load(trained, weights_only=True)
    record["model_source"] |= damage
    torch.save(record, "damaged.pth")
    with pytest.raises(
        CheckpointError, match=r"^damaged\.pth: model_source: expected where the cla"
    ):
        restored("damaged.pth")


def test_a_source_of_another_model_is_not_taken(trained):
    import torch

    record = torch.load(trained, weights_only=True)
    record["model_source"] |= {"name": "BPR"}
    torch.save(record, "damaged.pth")
    with pytest.raises(
        CheckpointError, match=r"^damaged\.pth: model: \w+: no such model in RecBole"
    ):
        restored("damaged.pth")


def test_resuming_with_a_changed_source_warns(trained):
    path = Path("theirs/hop_mf.py")
    path.write_text(path.read_text() + "\n# another line\n")
    run = runs.prepare("theirs/hop_mf.py:HopMF", epochs=2, resume_from=trained)
    with pytest.warns(UserWarning, match="has changed since this checkpoint was saved"):
        run.fit()


# --- to other processes ---------------------------------------------------------------------

PLAN = """
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1]
models:
  Mine: {model: "theirs/hop_mf.py:HopMF"}
  BPR: {model: BPR}
"""


def test_a_fingerprint_follows_the_source(ratings):
    SHAPE.copy_to(Path("plans/theirs"))
    file = Path("plans/plan.yaml")
    file.write_text(PLAN)
    before = benchmark_plan.read(file)  # the model's file is looked for from the plan's folder
    assert before.models["BPR"].source is None
    assert set(before.models["Mine"].source.files) == {"hop_mf.py", "graph_layers.py", "HopMF.yaml"}
    path = Path("plans/theirs/graph_layers.py")
    path.write_text(path.read_text() + "\n")
    after = benchmark_plan.read(file)
    changed = [
        key.label for key in before.runs() if before.fingerprint(key) != after.fingerprint(key)
    ]
    assert changed == ["Mine"]


def test_a_source_is_unpacked_where_its_file_is_not(tmp_path):
    packed = packed_source.pack(keys.check_model(SHAPE.copy_to(Path("theirs"))))
    original = models.source("HopMF")
    shutil.move("theirs", "gone")
    models.forget()
    packed_source.adopt(packed, tmp_path)
    place = Path(models.source("HopMF").file)
    assert place.name == "hop_mf.py"
    assert place.is_relative_to(tmp_path)
    assert models.source("HopMF").hash == original.hash
    assert models.record("HopMF") == original.record()  # a checkpoint names the place of origin
    assert models.model_class("HopMF").__name__ == "HopMF"
    packed_source.adopt(packed, tmp_path)
    assert Path(models.source("HopMF").file) == place


def test_a_file_that_was_edited_meanwhile_is_not_taken(tmp_path):
    packed = packed_source.pack(keys.check_model(SHAPE.copy_to(Path("theirs"))))
    models.forget()
    Path("theirs/graph_layers.py").write_text("raise RuntimeError('edited')\n")
    packed_source.adopt(packed, tmp_path)
    assert models.model_class("HopMF").__name__ == "HopMF"


def test_a_package_of_another_state_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    Path("other_package").mkdir()
    Path("other_package/__init__.py").write_text("")
    SHAPES["pairwise"].copy_to(Path("other_package"))
    packed = packed_source.pack(keys.check_model("other_package.pair_mf:PairMF"))
    assert set(packed.files) == {
        *("other_package/__init__.py", "other_package/pair_mf.py", "other_package/PairMF.yaml")
    }
    models.forget()
    packed_source.adopt(packed)
    assert models.source("PairMF").module == "other_package.pair_mf"
    models.forget()
    Path("other_package/pair_mf.py").write_text("class PairMF: pass\n")
    with pytest.raises(RegistryError, match="is not the source with which this was started"):
        packed_source.adopt(packed)
    shutil.rmtree("other_package")
    models.forget()
    packed_source.adopt(packed, tmp_path)
    assert models.model_class("PairMF").__module__ == "other_package.pair_mf"


def test_a_class_of_a_notebook_goes_to_no_other_process():
    from recbole.model.general_recommender import BPR

    class Inner(BPR):
        pass

    recbole_ext.register(Inner)
    with pytest.raises(RegistryError, match=r"a notebook, .* name it as my_model\.py:Inner"):
        packed_source.pack("Inner")
    assert packed_source.pack_all() == []
    assert packed_source.pack("BPR") is packed_source.pack("AutoRec") is None
    assert model_source.of_class(Inner).file == ""


def test_a_search_names_a_model_from_its_own_folder(ratings):
    SHAPE.copy_to(Path("searches/theirs"))
    file = Path("searches/search.yaml")
    file.write_text(
        "model: theirs/hop_mf.py:HopMF\ndatasets: [made]\ntrials: 2\nspace: {n_hops: [1, 2]}\n"
    )
    search = search_plan.read(file)
    assert search.model == "HopMF"
    plan = search_plan.plan(search, {"valid_metric": "NDCG@10", "n_hops": 2})
    assert plan.models["HopMF"].source.hash == models.source("HopMF").hash
    assert [trial["n_hops"] for trial in plan.models["HopMF"].trials] == [2, 1]
    file.write_text(file.read_text().replace("n_hops", "n_hop"))
    with pytest.raises(SettingError, match=r"space: n_hop: HopMF does not read this .* n_hops"):
        search_plan.read(file)
