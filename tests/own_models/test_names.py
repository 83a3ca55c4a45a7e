"""How a model of one's own is named, and what is said where that cannot be."""

import subprocess
import sys
import textwrap
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import recbole_ext
from recbole_ext.config.settings import KeySource
from recbole_ext.errors import RegistryError, SettingError
from recbole_ext.patches import early_config
from recbole_ext.registry import keys, model_parts, models
from tests import runs
from tests.own_models.shapes import SHAPES

GENERAL = SHAPES["pairwise"]
CLASS = """
    from recbole.model.general_recommender import BPR

    class {name}(BPR):
        pass
"""


def write(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


def package(name: str = "Mine", folder: str = ".") -> str:
    """A package with one model; how it is named."""
    write(f"{folder}/my_package/__init__.py", "")
    write(f"{folder}/my_package/models.py", CLASS.format(name=name))
    return f"my_package.models:{name}"


# --- the ways -------------------------------------------------------------------------------


def test_by_its_file(ratings):
    text = GENERAL.copy_to(Path())
    run = runs.prepare(text, factors=4)
    assert run.config["model"] == "PairMF"
    assert run.model.user_embedding.weight.shape == (31, 4)
    assert runs.prepare("PairMF").model.embedding_size == 16  # its yaml's; known by its name now


def test_by_its_module(ratings):
    run = runs.prepare(package())
    assert type(run.model).__module__ == "my_package.models"
    assert run.config["embedding_size"] == 64  # BPR's, from which it derives


def test_by_register(ratings):
    package()
    sys.path.append(str(Path.cwd()))
    from my_package.models import Mine

    assert recbole_ext.register(Mine) is Mine
    assert type(runs.prepare("Mine").model) is Mine


def test_by_its_class(ratings):
    from recbole.model.general_recommender import BPR
    from recbole.quick_start import run_recbole

    class Inner(BPR):
        pass

    given = {"epochs": 1, "data_path": "dataset", "state": "CRITICAL", "show_progress": False}
    result = run_recbole(model=Inner, dataset="made", config_dict=given, saved=False)
    assert 0 <= result["best_valid_score"] <= 1


@pytest.mark.slow
def test_by_the_entry_point_of_a_package_in_another_folder(tmp_path, ratings):
    """As pip installs it: a folder of the path with the package, and its metadata."""
    elsewhere = tmp_path / "elsewhere"
    write(f"{elsewhere}/plugin/__init__.py", "")
    text = (SHAPES["pairwise"].copy_to(elsewhere / "plugin")).rpartition(":")[0]
    assert Path(text).is_file()
    info = elsewhere / "plugin-1.0.dist-info"
    write(f"{info}/METADATA", "Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    write(f"{info}/entry_points.txt", f"[{models.GROUP}]\nPairMF = plugin.pair_mf:PairMF\n")
    code = """
        import sys
        sys.path.append({folder!r})
        import recbole_ext
        from recbole_ext.registry import keys
        assert "PairMF" in keys.known_models()
        assert "torch" not in sys.modules
        from recbole.quick_start import run_recbole
        given = dict(epochs=1, data_path="dataset", state="ERROR", show_progress=False, factors=3)
        print(run_recbole(model="PairMF", dataset="made", config_dict=given)["best_valid_score"])
        print(recbole_ext.PairMF.__module__)
    """
    words = textwrap.dedent(code).format(folder=str(elsewhere))
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    score, module = done.stdout.splitlines()[-2:]
    assert 0 <= float(score) <= 1
    assert module == "plugin.pair_mf"


def test_without_their_entry_points_our_models_are_unknown(monkeypatch, ratings):
    monkeypatch.setattr(models, "_entry_points", dict)
    models.forget()
    with pytest.raises(
        RegistryError, match=r"--model=NCFMLP: no such model .*; recbole_ext itself"
    ):
        keys.check_model("NCFMLP")
    with pytest.raises(RegistryError, match="AutoRec: no such model"):
        runs.prepare("AutoRec")
    with pytest.raises(AttributeError):
        recbole_ext.NCFMLP  # noqa: B018


# --- the kinds ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_a_source_says_is_what_its_class_says(shape):
    name = keys.check_model(shape.copy_to(Path()))
    told = model_parts.kind(name)
    assert not models.is_loaded(name)
    cls = models.model_class(name)
    assert told.type.name == cls.type.name
    assert getattr(told, "input_type", None) == getattr(model_parts.kind(name), "input_type", None)
    own = getattr(cls, "input_type", None)
    assert getattr(getattr(told, "input_type", None), "name", None) == getattr(own, "name", None)


def test_an_autoencoder_is_trained_on_users(ratings):
    from recbole.data.dataloader import TrainDataLoader, UserDataLoader

    assert type(runs.prepare(SHAPES["autoencoder"].copy_to(Path())).train) is UserDataLoader
    assert isinstance(runs.prepare(GENERAL.copy_to(Path())).train, TrainDataLoader)


# --- what it brings -------------------------------------------------------------------------

BRINGS = """
    from typing import Annotated

    import torch
    from msgspec import Meta, Struct
    from recbole.data.dataloader import TrainDataLoader
    from recbole.data.dataset import Dataset
    from recbole.model.general_recommender import BPR
    from recbole.trainer import Trainer


    class BringerSettings(Struct):
        embedding_size: Annotated[int, Meta(ge=2)] = 4
        warmth: Annotated[float, Meta(ge=0, le=1)] = 0.5


    class BringerTrainer(Trainer):
        pass


    class BringerDataset(Dataset):
        pass


    class BringerLoader(TrainDataLoader):
        pass


    class Bringer(BPR):
        def __init__(self, config, dataset):
            super().__init__(config, dataset)
            self.warmth = config["warmth"]


    class Child(Bringer):
        pass
"""


@pytest.mark.parametrize("name", ["Bringer", "Child"])
def test_what_a_model_brings_is_used(name, ratings):
    write("bringer.py", BRINGS)
    run = runs.prepare(f"bringer.py:{name}")
    parts = [type(part).__name__ for part in (run.dataset, run.train, run.trainer)]
    assert parts == ["BringerDataset", "BringerLoader", "BringerTrainer"]
    assert (run.model.warmth, run.model.embedding_size) == (0.5, 4)
    write(f"{name}.yaml", "warmth: 0.25\n")
    assert runs.prepare(f"bringer.py:{name}").model.warmth == 0.25


def test_a_class_of_settings_is_held_to(ratings):
    write("bringer.py", BRINGS)
    with pytest.raises(SettingError, match=r"^wramth: neither Bringer nor RecBole has .* warmth"):
        early_config.read(keys.check_model("bringer.py:Bringer"), "made", None, {"wramth": 1})
    with pytest.raises(SettingError, match=r"^warmth: expected a number in .0, 1., found 2"):
        runs.prepare("bringer.py:Bringer", warmth=2)


def test_without_one_the_keys_of_its_yaml_and_of_its_source_are_known(ratings):
    write(
        "mine.py",
        """
        from recbole.model.general_recommender import BPR

        class Mine(BPR):
            def __init__(self, config, dataset):
                super().__init__(config, dataset)
                self.depth = config["depth"] or 1
        """,
    )
    write("Mine.yaml", "width: 3\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = runs.prepare("mine.py:Mine", width=5)
    assert (run.config["width"], run.model.depth) == (5, 1)
    said = [str(one.message) for one in caught if "depth" in str(one.message)]
    assert len(said) == 1
    assert "depth: Mine reads this setting" in said[0]
    assert "mine.py, line 7" in said[0]
    assert runs.prepare("mine.py:Mine", depth=2).model.depth == 2
    with pytest.raises(SettingError, match=r"^dept: neither Mine nor RecBole has .* depth"):
        runs.prepare("mine.py:Mine", dept=2)
    with pytest.raises(SettingError, match=r"^mlp_hidden_size: Mine does not read this setting"):
        runs.prepare("mine.py:Mine", mlp_hidden_size=[3])
    with pytest.raises(
        SettingError, match=r"^width: expected a number, such as the default 3, found 'wide'"
    ):
        runs.prepare("mine.py:Mine", width="wide")


def test_a_model_may_derive_from_ours(ratings):
    write(
        "mine.py",
        """
        from recbole_ext.models.ncf.adapter import NCFMLP

        class Mine(NCFMLP):
            pass
        """,
    )
    made = []
    for name in ("mine.py:Mine", "NCFMLP"):
        run = runs.prepare(name, **runs.SMALL["NCFMLP"])
        run.fit()
        made.append((type(run.trainer), type(run.train), run.trainer.train_loss_dict))
    assert made[0] == made[1]
    with pytest.raises(SettingError, match=r"^embedding_size: expected a whole number at least 1"):
        runs.prepare("mine.py:Mine", embedding_size=0)


# --- mistakes -------------------------------------------------------------------------------

WRONG = [
    ("gone.py:Mine", r"gone\.py:Mine: no such file"),
    ("mine.py:Other", r"mine\.py has no class Other; its classes are Mine"),
    ("mine.py", r"no such model .*; name the class of the file, too: mine\.py:MyModel"),
    ("mine.py:", "expected a file or a module, a colon and a class"),
    (":Mine", "expected a file or a module, a colon and a class"),
    ("mine.py:a.b", "expected a file or a module, a colon and a class"),
    ("my model:Mine", "my model is neither a file"),
    ("no_such_package.models:Mine", "no such module; run the command from the folder"),
    ("broken.py:Mine", r"broken\.py cannot be read \(SyntaxError"),
    ("bpr.py:BPR", r"bpr\.py:BPR: RecBole has a model of its own named BPR \(recbole\.model\.gen"),
    ("bpr.py:Bpr", r"RecBole has a model of its own named BPR"),
    ("ours.py:AutoRec", r"ours\.py:AutoRec: there is another model of that name, recbole_ext\.mod"),
    ("kg.py:KG", "RecBole has a class KGTrainer or KGDataset"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_name_that_is_none_is_refused(text, message):
    write("mine.py", CLASS.format(name="Mine"))
    write("broken.py", "class Mine(\n")
    write("bpr.py", CLASS.format(name="BPR") + CLASS.format(name="Bpr"))
    write("ours.py", CLASS.format(name="AutoRec"))
    write("kg.py", CLASS.format(name="KG"))
    with pytest.raises(RegistryError, match=message):
        keys.check_model(text)
    assert text.rpartition(":")[2] not in models.told()


FAILS = [
    ("raise RuntimeError('no')", r"mine\.py:Mine: cannot be imported \(RuntimeError: no\)"),
    ("import no_such_thing", r"cannot be imported \(ModuleNotFoundError: No module named 'no_such"),
    ("from . import layers", "named by its module, as package.module:Name"),
    ("Mine = 3", "expected a class, found int"),
    ("class Mine: pass", "found one without calculate_loss"),
]


@pytest.mark.parametrize(("code", "message"), FAILS)
def test_code_that_fails_is_told_in_one_line(code, message):
    write("mine.py", f"{code}\nif 'Mine' not in dir():\n    class Mine: pass\n")
    name = keys.check_model("mine.py:Mine")
    with pytest.raises(RegistryError, match=message):
        models.model_class(name)


def test_two_files_of_one_name_are_refused(tmp_path):
    write("a/mine.py", CLASS.format(name="Mine"))
    write("b/mine.py", CLASS.format(name="Mine"))
    keys.check_model("a/mine.py:Mine")
    with pytest.raises(RegistryError, match=r"b/mine\.py:Mine: .* name, .*a/mine\.py:Mine; rename"):
        keys.check_model("b/mine.py:Mine")
    keys.check_model("a/mine.py:Mine")


def test_two_packages_that_declare_one_name_are_refused(monkeypatch):
    points = [
        EntryPoint("Mine", f"{place}:Mine", models.GROUP) for place in ("one.models", "two.models")
    ]
    monkeypatch.setattr(models, "_entry_points", lambda: {"Mine": points})
    with pytest.raises(RegistryError, match=r"Mine: declared by .*one\.models:Mine.*two\.models:M"):
        keys.check_model("Mine")
    assert "Mine" in keys.known_models()  # other models are not kept from running
    assert keys.all_keys()


def test_a_file_beside_is_not_taken_for_another_one_of_its_name():
    for folder, width in (("a", 3), ("b", 4)):
        write(f"{folder}/layers.py", f"width = {width}\n")
        write(f"{folder}/{folder}_model.py", "import layers\n" + textwrap.dedent(
            CLASS.format(name=f"Mine{folder.upper()}") + "        width = layers.width\n"
        ))  # fmt: skip
    first = models.model_class(keys.check_model("a/a_model.py:MineA"))
    with pytest.raises(RegistryError, match=r"imports layers, .* but this process has .*a/layers"):
        models.model_class(keys.check_model("b/b_model.py:MineB"))
    assert first.width == 3


def test_an_edited_file_is_run_anew():
    write("layers.py", "width = 3\n")
    write("mine.py", "import layers\n" + textwrap.dedent(CLASS.format(name="Mine")) + "    w = layers.width\n")  # fmt: skip  # noqa: E501
    name = keys.check_model("mine.py:Mine")
    first, before = models.model_class(name), models.source(name).hash
    assert models.model_class(keys.check_model("mine.py:Mine")) is first
    write("layers.py", "width = 30\n")
    keys.check_model("mine.py:Mine")
    assert models.source(name).hash != before
    assert models.model_class(name).w == 30


@pytest.mark.parametrize("text", [None, "other = 1\n"])
def test_another_model_does_not_need_a_file_that_has_gone(text):
    """What this process has used before is among the keys that other models are checked with."""
    write("mine.py", textwrap.dedent(CLASS.format(name="Mine")))
    keys.check_model("mine.py:Mine")
    Path("mine.py").unlink() if text is None else write("mine.py", text)
    with pytest.raises(SettingError, match=r"embedding_sise: .*embedding_size"):
        keys.check_keys("BPR", [KeySource({"embedding_sise": 8}, "")], {})


def test_the_hash_is_of_what_a_file_imports_from_beside_it():
    hashes = {}
    for what, path, text in (
        ("at first", "layers.py", "width = 3\n"),
        ("another file", "other.py", "width = 3\n"),
        ("the yaml", "Mine.yaml", "width: 3\n"),
        ("a file beside", "layers.py", "width = 4\n"),
        ("a file of that", "deep/part.py", "more = 1\n"),
    ):
        write("deep/__init__.py", "")
        if what == "at first":
            write("deep/part.py", "")
        write(path, text)
        write(
            "mine.py",
            "import layers, random\nfrom deep import part\n"
            + textwrap.dedent(CLASS.format(name="Mine")),
        )
        models.forget()
        hashes[what] = models.source(keys.check_model("mine.py:Mine")).hash
    assert hashes["at first"] == hashes["another file"] == hashes["the yaml"]
    assert len(set(hashes.values())) == 3
    assert set(models.source("Mine").files()) == {
        *("mine.py", "layers.py", "deep/__init__.py", "deep/part.py", "Mine.yaml")
    }


def test_two_files_of_one_name_with_two_models_keep_apart(ratings):
    for folder in ("a", "b"):
        write(f"{folder}/model.py", BRINGS.replace("Bringer", f"Of{folder.upper()}"))
    runs.prepare("a/model.py:OfA")
    runs.prepare("b/model.py:OfB")
    assert type(runs.prepare("OfA").trainer).__name__ == "OfATrainer"
    assert type(runs.prepare("OfB").trainer).__name__ == "OfBTrainer"


def test_a_run_leaves_nothing_beside_the_files():
    SHAPES["with a graph"].copy_to(Path("theirs"))
    before = {path.name for path in Path("theirs").iterdir()}
    models.model_class(keys.check_model("theirs/hop_mf.py:HopMF"))
    assert {path.name for path in Path("theirs").iterdir()} == before


def test_a_model_over_ours_may_read_more(ratings):
    write(
        "mine.py",
        """
        from recbole_ext.models.ncf.adapter import NCFMLP

        class Mine(NCFMLP):
            def __init__(self, config, dataset):
                super().__init__(config, dataset)
                self.warmth = config["warmth"]
        """,
    )
    small = runs.SMALL["NCFMLP"]
    assert runs.prepare("mine.py:Mine", warmth=0.5, **small).model.warmth == 0.5
    with pytest.raises(SettingError, match=r"^wramth: neither Mine nor RecBole has .* warmth"):
        runs.prepare("mine.py:Mine", wramth=0.5, **small)


def test_a_file_of_another_encoding_is_hashed_and_run():
    Path("layers.py").write_bytes(b"# -*- coding: latin-1 -*-\nwidth = '\xfc'\n")
    write("mine.py", "import layers\n" + textwrap.dedent(CLASS.format(name="Mine")))
    name = keys.check_model("mine.py:Mine")
    assert len(models.source(name).files()) == 2
    assert models.model_class(name).__name__ == "Mine"
    Path("layers.py").write_text("width = (\n")
    assert "embedding_size" in keys.own_keys(keys.check_model("mine.py:Mine"))
    with pytest.raises(RegistryError, match=r"mine\.py:Mine: cannot be imported \(SyntaxError"):
        models.model_class(name)
