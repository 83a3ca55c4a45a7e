"""Which keys are refused, by where they are written: the rule of config/setting_names.py."""

import re
import sys
import warnings
from pathlib import Path

import pytest

from recbole_ext.config.setting_names import KeySource
from recbole_ext.errors import DataError, SettingError
from recbole_ext.patches import early_config
from recbole_ext.registry import keys
from tests import runs


def config(model, dataset="ml-100k", files=None, **given):
    from recbole.config import Config

    return Config(model, dataset, config_file_list=files, config_dict=given)


def warned(call) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


NOBODY = "{}: neither {} nor RecBole reads this setting; remove it, or set allow_unknown_keys if"

# The same three keys, wherever they are written for this run alone.
REFUSED = [
    ("NCFMLP", "embeding_size", ".* has this setting; did you mean embedding_size"),
    ("BPR", "embeding_size", ".* has this setting; did you mean embedding_size"),
    ("BPR", "epohcs", ".*; did you mean epochs"),
    ("BPR", "mlp_hidden_size", "BPR does not read this setting; remove it"),
    ("BPR", "svdpp_scale", "BPR does not read this setting; remove it"),  # AutoRec's
    ("NCFMLP", "mf_embedding_size", "NCFMLP does not .*; did you mean embedding_size"),
    ("BPR", "zzz", "neither BPR nor RecBole reads this setting; remove it, or set allow_unknown"),
    ("BPR", "device", "RecBole works this out itself .*; write gpu_id: the number of a GPU, or ''"),
    ("AutoRec", "eval_type", "RecBole works this out itself .*; write metrics"),
]


@pytest.mark.parametrize(("model", "key", "message"), REFUSED)
def test_a_key_that_the_run_does_not_read_is_an_error(model, key, message):
    with pytest.raises(SettingError, match=f"^{key}: {message}"):
        config(model, **{key: 1})


@pytest.mark.parametrize(("model", "key", "message"), REFUSED)
def test_a_file_of_several_models_may_have_the_keys_of_others(model, key, message):
    Path("shared.yaml").write_text(f"epochs: 3\n{key}: 1\n")
    if "does not" not in message:
        with pytest.raises(SettingError, match=f"^shared.yaml: {key}: {message}"):
            config(model, files=["shared.yaml"])
        return
    said = warned(lambda: config(model, files=["shared.yaml"]))
    assert len(said) == 1
    assert re.match(f"shared.yaml: {key}: {model} does not read this setting", said[0])


@pytest.mark.parametrize("model", ["AutoRec", "BPR"])
def test_a_data_sets_own_yaml_is_such_a_file(model, ratings):
    file = ratings / "made" / "made.yaml"
    file.write_text("epohcs: 3\n")
    with pytest.raises(SettingError, match=r"made/made\.yaml: epohcs: .*; did you mean epochs\?"):
        runs.prepare(model)
    file.write_text("epochs: 1\nepochs: 2\n")
    with pytest.raises(SettingError, match=r"made/made\.yaml, line 2: epochs: the key is already"):
        runs.prepare(model)
    file.write_text("mf_embedding_size: 3\n")
    assert len(said := warned(lambda: runs.prepare(model))) == 1
    assert f"made.yaml: mf_embedding_size: {model} does not read this setting" in said[0]


def test_a_key_twice_in_a_file_is_refused_from_python_too():
    Path("twice.yaml").write_text("epochs: 3\nseed: 1\nepochs: 4\n")
    with pytest.raises(SettingError, match=r"twice\.yaml, line 3: epochs: the key is already in l"):
        config("BPR", files=["twice.yaml"])


@pytest.mark.parametrize("key", ["nproc", "world_size", "config_files", "resume_from"])
def test_an_option_is_no_setting_of_a_file(key):
    Path("a.yaml").write_text(f"{key}: 2\n")
    with pytest.raises(SettingError, match=f"^a.yaml: {key}: this is an option of a command"):
        config("BPR", files=["a.yaml"])


def test_another_model_in_a_file_is_refused():
    Path("a.yaml").write_text("model: NCFMLP\n")
    with pytest.raises(
        SettingError, match=r"^model: found NCFMLP, but the run is of BPR; keep one$"
    ):
        config("BPR", files=["a.yaml"])
    assert config("NCFMLP", files=["a.yaml"]).model == "NCFMLP"


def test_another_data_set_in_a_file_is_refused():
    Path("a.yaml").write_text("dataset: ml-1m\n")
    with pytest.raises(
        SettingError, match=r"^dataset: found ml-1m, but the run is of ml-100k; keep one$"
    ):
        config("BPR", files=["a.yaml"])
    assert config("BPR", "ml-1m", files=["a.yaml"]).dataset == "ml-1m"


@pytest.mark.parametrize("learner", ["lbfgs", "sparse_adam"])
@pytest.mark.parametrize("processes", [{"nproc": 2}, {"nproc": 1, "world_size": 2}])
def test_an_optimiser_that_several_processes_cannot_share_is_refused(learner, processes):
    given = {"learner": learner}
    with pytest.raises(
        SettingError, match=rf"^learner: {learner} .*; set learner: adam, or --nproc"
    ):
        early_config.read("AutoRec", "ml-100k", None, given | processes)
    early_config.read("AutoRec", "ml-100k", None, given | {"nproc": 1, "world_size": -1})
    early_config.read("AutoRec", "ml-100k", None, {"learner": "rprop"} | processes)


def test_columns_of_users_need_a_file_of_users(ratings):
    columns = {"inter": ["user_id", "item_id"], "user": ["user_id", "age"]}
    given = {"data_path": str(ratings), "load_col": columns}
    with pytest.raises(DataError, match=r"made\.user: no such file; leave user out of load_col"):
        config("BPR", "made", **given)
    config("BPR", "made", **given | {"load_col": columns | {"user": []}})
    config("FM", "ml-100k", data_path=str(ratings))  # RecBole's own columns, of its own copy
    runs.write_inter(ratings, "ml-100k", [("u", "i", 3, 5)])  # a copy without a .user file
    of_fm = config("FM", "ml-100k", data_path=str(ratings))["load_col"]
    assert of_fm["user"] == ["user_id", "age", "gender", "occupation"]
    (ratings / "made" / "made.user").write_text("user_id:token\tage:float\nu\t3\n")
    config("BPR", "made", **given)


@pytest.mark.parametrize("key", ["data_path", "checkpoint_dir"])
@pytest.mark.parametrize("value", ["5", "None", "", "''", "['a']"])
def test_a_folder_is_named_by_its_path(key, value):
    with pytest.raises(SettingError, match=rf"^{key}: expected the path of a folder, found "):
        config("BPR", "made", **{key: value})


def test_the_options_of_a_python_program_are_its_own(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mine.py", "--zzz=1", "--mlp_hidden_size=[3]", "--epochs=3"])
    said = warned(lambda: config("BPR"))
    assert [text.split(":")[0] for text in said] == ["zzz", "mlp_hidden_size"]
    monkeypatch.setattr(sys, "argv", ["mine.py", "--epohcs=1"])
    with pytest.raises(SettingError, match=r"^epohcs: .*; did you mean epochs"):
        config("BPR")


@pytest.mark.parametrize(("model", "key", "message"), REFUSED)
def test_unknown_keys_may_be_allowed(model, key, message):
    said = warned(lambda: config(model, allow_unknown_keys=True, **{key: 1}))
    assert len(said) == 1
    assert re.match(f"{key}: {message}", said[0])
    with pytest.raises(
        SettingError, match=r"^allow_unknown_keys: expected True or False, found 3$"
    ):
        config(model, allow_unknown_keys=3)


def test_a_model_of_the_user_may_read_what_any_model_reads():
    """Its own keys cannot be known."""
    from recbole.model.general_recommender import BPR

    class Mine(BPR):
        pass

    assert warned(lambda: config(Mine, mlp_hidden_size=[3])) == []
    with pytest.raises(
        SettingError, match=r"^my_size: neither Mine nor RecBole reads this setting"
    ):
        config(Mine, my_size=3)
    assert config(Mine, my_size=3, allow_unknown_keys=True)["my_size"] == 3


@pytest.mark.parametrize("value", ["abc", "0,x", "1.5", True, 1.5, None, [0, 1]])
def test_a_gpu_that_is_none_is_refused(value):
    with pytest.raises(
        SettingError, match=r"^gpu_id: expected the number of a GPU, several as 0,1"
    ):
        config("BPR", gpu_id=value)


@pytest.mark.parametrize("value", ["0", 0, "", "0,1", (0, 1), "-1", "GPU-8932f937-d72c"])
def test_a_gpu_is_a_number_or_a_name(value, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    config("BPR", gpu_id=value)


def test_use_gpu_is_a_truth_value():
    with pytest.raises(SettingError, match=r"^use_gpu: expected True or False, found 'maybe'"):
        config("BPR", use_gpu="maybe")


def test_every_key_of_recboles_files_is_read_by_its_model():
    """What RecBole ships loads without a word: the yaml of each model, and the common ones."""
    folder = keys._recbole_folder() / "properties"
    for path in (folder / "model").glob("*.yaml"):
        model = next(name for name in keys.known_models() if name.lower() == path.stem.lower())
        content = re.findall(r"^(\w+):", path.read_text(), re.MULTILINE)
        assert warned(lambda m=model, c=content: keys.check_keys(m, [KeySource(c)], {})) == []
    general = keys.read_keys("Pop", {})
    assert {"epochs", "USER_ID_FIELD", "tail_ratio", "encoding", "fixed_negatives"} <= general
    assert not {"embedding_size", "mlp_hidden_size", "loss_type", "pretrain_epochs"} & general


@pytest.mark.parametrize("model", ["BPR", "NCFMLP", "AutoRec", "FM", "GRU4Rec", "MultiVAE"])
def test_what_a_run_asks_for_is_known(model, monkeypatch):
    """The oracle is the run itself: each key that RecBole's code asks its Config for."""
    from recbole.config import Config

    asked = set()

    def getitem(self, key, of_config=Config.__getitem__):
        asked.add(key)
        return of_config(self, key)

    monkeypatch.setattr(Config, "__getitem__", getitem)
    loss = {"train_neg_sample_args": None} if model == "GRU4Rec" else {}
    runs.prepare(model, "ml-100k", epochs=0, **loss)
    # The trainer asks for reg_weight to warn of two penalties, a context model for two towers.
    assert asked - keys.read_keys(model, {}) - {"reg_weight", "double_tower"} == set()


def test_a_transform_has_settings_of_its_own():
    neither = {"train_neg_sample_args": None, "beta": 0.2}
    with pytest.raises(SettingError, match=r"^beta: GRU4Rec does not read this setting; did you"):
        config("GRU4Rec", **neither)
    assert config("GRU4Rec", transform="reorder_itemseq", **neither)["beta"] == 0.2
