"""Commands on trained models: a checkpoint or a data set that does not fit is one line."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from recbole_ext.cli import main, run
from tests import runs

SETTINGS = {**runs.SMALL["AutoRec"], "epochs": 2}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the data set `made` and `model.pth`, an AutoRec that was trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    runs.write_ratings(folder / "dataset", "made")
    prepared = runs.prepare(
        "AutoRec", folder=folder / "dataset", checkpoint_dir=str(folder / "saved"), **SETTINGS
    )
    prepared.fit()
    shutil.copy(prepared.trainer.saved_model_file, folder / "model.pth")
    return folder


@pytest.fixture
def model(place, tmp_path) -> Path:
    """A copy of the data set and of the checkpoint, which a test may damage."""
    shutil.copytree(place / "dataset", tmp_path / "dataset")
    record = torch.load(place / "model.pth", weights_only=True)
    record["config"]["data_path"] = str(tmp_path / "dataset" / "made")
    torch.save(record, tmp_path / "model.pth")
    return tmp_path / "model.pth"


def invoke(command: str, file: Path | str, *words: str) -> Any:
    if command == "resume":
        settings = [f"--{key}={value}" for key, value in SETTINGS.items() if key != "epochs"]
        words = ("--model=AutoRec", "--dataset=made", *settings, "--epochs=4", *words)
        words = ("--metric_decimal_place=10", "--state=ERROR", "--show_progress=False", *words)
        arguments = [*words, f"--data_path={Path('dataset').absolute()}", f"--resume={file}"]
        return CliRunner().invoke(run.main, arguments, catch_exceptions=False)
    more = {"similar": ("--item=i1",), "project": ("--output=projector",)}.get(command, ())
    return CliRunner().invoke(main.main, [command, str(file), *more, *words])


def refuses(command: str, file: Path | str, *words: str) -> str:
    """The one line by which a command refuses a checkpoint; nothing is written."""
    before = sorted(Path().rglob("*"))
    result = invoke(command, file, *words)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert len(result.stderr) < 900
    assert "Traceback" not in result.stderr
    assert sorted(Path().rglob("*")) == before
    return result.stderr


COMMANDS = pytest.mark.parametrize("command", ["evaluate", "similar", "project", "resume"])


@COMMANDS
def test_a_whole_checkpoint_is_used(command, model):
    result = invoke(command, model)
    assert result.exit_code == 0, (result.output, result.exception)


# --- files that are no checkpoints ----------------------------------------------------------

NO_CHECKPOINTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a folder": (lambda file: (file.unlink(), file.mkdir()), "a folder; give the path of a .pth"),
    "nothing": (lambda file: file.unlink(), "no such checkpoint"),
    "empty": (lambda file: file.write_bytes(b""), "not a checkpoint, or a damaged one"),
    "a text": (lambda file: file.write_text("epochs: 3\n" * 99), "not a checkpoint"),
    "half": (lambda file: file.write_bytes(file.read_bytes()[:3000]), "not a checkpoint"),
}


@COMMANDS
@pytest.mark.parametrize("case", NO_CHECKPOINTS)
def test_another_file_is_refused(case, command, model):
    damage, message = NO_CHECKPOINTS[case]
    damage(model)
    assert f"{model}: {message}" in refuses(command, model)


@COMMANDS
@pytest.mark.parametrize("name", ["n" * 300, "no/such.pth", "model.pth/below"])
def test_a_path_to_nothing_is_refused(name, command, model):
    assert name in refuses(command, name)


# --- what a checkpoint holds ----------------------------------------------------------------


def without(key: str) -> Callable[[dict], Any]:
    return lambda record: record.pop(key)


def put(key: str, value: Any) -> Callable[[dict], Any]:
    return lambda record: record.update({key: value})


def setting(key: str, value: Any) -> Callable[[dict], Any]:
    return lambda record: record["config"].update({key: value})


def of_model(name: str) -> Callable[[dict], Any]:
    return lambda record: [
        part.update(model=name) for part in (record["config"], record["identity"]["settings"])
    ]


def weights(change: Callable[[dict, str, torch.Tensor], Any]) -> Callable[[dict], Any]:
    """Changes the first tensor of the model."""

    def damage(record: dict) -> None:
        state = record["state_dict"]
        name = next(iter(state))
        change(state, name, state[name])

    return damage


CONTENTS: dict[str, tuple[Callable[[dict], Any], str]] = {
    "no config": (without("config"), "found no config: the weights alone do not say"),
    "an empty config": (put("config", {}), "config has no model, dataset, data_path"),
    "a config of text": (put("config", "AutoRec"), "its config has no model"),
    "half a config": (
        lambda record: [record["config"].pop(key) for key in ("model", "seed", "eval_type")],
        "its config has no model, seed, eval_type",
    ),
    "no weights": (without("state_dict"), "expected an entry state_dict"),
    "weights of text": (put("state_dict", "tree.pth"), "state_dict: cannot be a str"),
    "a weight of text": (
        weights(lambda state, name, tensor: state.update({name: "x"})),
        "expected a tensor, found str",
    ),
    "nan": (
        weights(lambda state, name, tensor: tensor.view(-1)[3:4].fill_(float("nan"))),
        "have values that are no numbers (nan or infinite): training has diverged",
    ),
    "infinite": (
        weights(lambda state, name, tensor: tensor.view(-1)[0:1].fill_(-float("inf"))),
        "have values that are no numbers",
    ),
}

IDENTITY = {"settings": {}, "data": "", "splits": {}, "versions": {}}
CONTENTS |= {
    f"identity {number}": (put("identity", content), "identity: expected settings, data, splits")
    for number, content in enumerate([{"odd": 1}, 3, {**IDENTITY, "settings": 3}, {}])
}

OF_MODELS: dict[str, tuple[Callable[[dict], Any], str]] = {
    "missing tensors": (weights(lambda state, name, tensor: state.pop(name)), ": missing. The"),
    "other tensors": (
        weights(lambda state, name, tensor: state.update({"more": tensor})),
        "more: the model has no such weights",
    ),
    "another shape": (
        weights(lambda state, name, tensor: state.update({name: tensor[..., :-1].clone()})),
        ": expected [",
    ),
    "of no model": (
        of_model("Nothing"),
        "model.pth: model: Nothing: no such model in RecBole or recbole_ext; there are: ",
    ),
    "of no model, of an earlier release": (
        lambda record: [record.pop("identity"), record["config"].update(model="AutoRek")],
        "model.pth: model: AutoRek: no such model in RecBole or recbole_ext; did you mean AutoRec?",
    ),
    "of two models": (
        setting("model", "Pop"),
        "model.pth: its config is of the model Pop, its identity of AutoRec; use a checkpoint",
    ),
    "of another class": (of_model("Pop"), "does not fit Pop with its settings and data"),
    "of a class without these settings": (of_model("BPR"), "its run cannot be set up"),
    "of no kind": (setting("MODEL_TYPE", "ODD"), "its run cannot be set up again here"),
    "of broken settings": (setting("mlp_hidden_size", "x"), "mlp_hidden_size: expected"),
    "broken others": (put("other_parameter", 3), "other_parameter cannot be read"),
}

OF_RUNS: dict[str, tuple[Callable[[dict], Any], str]] = {
    "no optimizer": (without("optimizer"), "found no optimizer"),
    "no epoch": (without("epoch"), "found no epoch"),
    "no steps": (without("cur_step"), "found no cur_step"),
    "an epoch of text": (put("epoch", "1"), "epoch: cannot be a str"),
    "of another model": (
        of_model("BPR"),
        "model was 'BPR', is now 'AutoRec'. Give",
    ),
}


def damaged(file: Path, damage: Callable[[dict], Any]) -> Path:
    record = torch.load(file, weights_only=True)
    damage(record)
    torch.save(record, file)
    return file


@COMMANDS
@pytest.mark.parametrize("case", CONTENTS)
def test_a_checkpoint_without_its_content_is_refused(case, command, model):
    damage, message = CONTENTS[case]
    assert message in refuses(command, damaged(model, damage))


@pytest.mark.parametrize("command", ["evaluate", "similar", "project"])
@pytest.mark.parametrize("case", OF_MODELS)
def test_a_model_that_does_not_fit_is_one_line(case, command, model):
    damage, message = OF_MODELS[case]
    result = invoke(command, damaged(model, damage))
    assert result.exit_code == 2, (result.output, result.exception)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert result.stderr.splitlines()[-1] == lines[0]
    assert message in lines[0]
    assert not Path("projector").exists()


@pytest.mark.parametrize("case", OF_RUNS)
def test_a_run_that_cannot_go_on_is_refused(case, model):
    damage, message = OF_RUNS[case]
    assert message in refuses("resume", damaged(model, damage))


IN_TRAINING: dict[str, tuple[Callable[[dict], Any], str]] = {
    "missing tensors": OF_MODELS["missing tensors"],
    "another shape": OF_MODELS["another shape"],
    "another optimizer": (
        lambda record: record["optimizer"].update({"param_groups": []}),
        "its optimizer is not that of Adam for this model",
    ),
    "no states": (put("rng", {"python": 1}), "its random states cannot be used"),
}


@pytest.mark.parametrize("case", IN_TRAINING)
def test_what_the_trainer_finds_is_one_line(case, model):
    damage, message = IN_TRAINING[case]
    before = damaged(model, damage).read_bytes()
    result = invoke("resume", model)
    assert result.exit_code == 2, (result.output, result.exception)
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"error: {model}: ")
    assert message in last
    assert model.read_bytes() == before


def test_weights_of_a_plain_pickle(model):
    """As plain RecBole writes them: with a Config inside; and a pickle that cannot be read here."""
    prepared = runs.prepare("BPR", folder=Path("dataset"), epochs=1)
    prepared.fit()
    record = torch.load(prepared.trainer.saved_model_file, weights_only=True)
    for key in ("identity", "rng", "format", "recbole_ext"):
        record.pop(key)
    torch.save({**record, "config": prepared.config}, "plain.pth", pickle_protocol=4)
    assert "holds pickled objects" in refuses("evaluate", "plain.pth")
    result = invoke("evaluate", "plain.pth", "--trust-checkpoint")
    assert result.exit_code == 0, (result.output, result.exception)
    nan = {**record["state_dict"]}
    nan["user_embedding.weight"] = nan["user_embedding.weight"] * float("nan")
    torch.save({**record, "state_dict": nan, "config": prepared.config}, "nan.pth")
    assert "no numbers (nan" in refuses("evaluate", "nan.pth", "--trust-checkpoint")
    torch.save({"state_dict": {}, "config": Gone()}, "gone.pth")
    assert "cannot be unpickled here (ImportError: no more)" in refuses(
        "evaluate", "gone.pth", "--trust-checkpoint"
    )


class Gone:
    """A pickle whose code is not there."""

    def __reduce__(self):
        return _fail, ()


def _fail() -> None:
    raise ImportError("no more")


# --- the data set of a checkpoint -----------------------------------------------------------


@pytest.mark.parametrize("command", ["evaluate", "similar", "project"])
def test_a_data_set_that_is_not_there_is_named(command, model, tmp_path):
    (tmp_path / "dataset" / "made").rename(tmp_path / "elsewhere")
    message = refuses(command, model)
    assert f"no folder {tmp_path / 'dataset' / 'made'}; put the data set back" in message
    (tmp_path / "dataset" / "made").mkdir()
    assert "no made.inter in" in refuses(command, model)


def test_a_run_whose_data_set_is_not_there_does_not_go_on(model, tmp_path):
    (tmp_path / "dataset" / "made").rename(tmp_path / "dataset" / "other")
    assert "no folder" in refuses("resume", model)
    result = CliRunner().invoke(main.main, ["denoise", "--dataset=made", "--data_path=dataset"])
    assert result.exit_code == 2
    assert "--dataset=made: no folder dataset/made" in result.stderr


def test_a_data_set_by_a_relative_path_is_looked_for_from_here(model, tmp_path, monkeypatch):
    damaged(model, setting("data_path", "dataset/made"))
    assert invoke("evaluate", model).exit_code == 0
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    message = refuses("evaluate", model)
    assert f"no folder dataset/made, looked for from {tmp_path / 'other'}; " in message


def test_a_missing_data_set_that_recbole_could_download_is_not_downloaded(model):
    damaged(model, lambda record: record["config"].update(dataset="ml-1m", data_path="d/ml-1m"))
    assert "no folder d/ml-1m" in refuses("evaluate", model)


@pytest.mark.parametrize("command", ["evaluate", "similar", "project", "resume"])
def test_a_data_set_that_has_changed_is_refused_before_it_is_read(command, model, tmp_path):
    file = tmp_path / "dataset" / "made" / "made.inter"
    file.write_text(file.read_text() + "u1\ti19\t3\t9\n")
    message = refuses(command, model)
    assert "the data files" in message


def test_a_data_set_of_another_size_is_refused_by_the_shapes(model, tmp_path):
    file = tmp_path / "dataset" / "made" / "made.inter"
    file.write_text(file.read_text() + "new\tnew\t3\t9\n")
    result = invoke("evaluate", model, "--allow-changed-data")
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"error: {model}: does not fit AutoRec with its settings and data set: ")
    assert "expected [" in last


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "user_id:token\n1\n"])
def test_a_data_set_of_other_columns_is_one_line(content, model, tmp_path):
    (tmp_path / "dataset" / "made" / "made.inter").write_text(content)
    result = invoke("evaluate", model, "--allow-changed-data")
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in result.stderr


def test_a_checkpoint_is_read_from_the_disk_once(model, monkeypatch):
    read, load = [], torch.load

    def count(*args: Any, **kwargs: Any) -> Any:
        read.append(args[0])
        return load(*args, **kwargs)

    monkeypatch.setattr(torch, "load", count)
    assert invoke("evaluate", model).exit_code == 0
    assert read == [model]
