"""The table of patches: each fits the installed RecBole, and each speed patch changes nothing."""

import ast
import functools
import importlib.util
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
import wrapt

import recbole_ext
from recbole_ext.cli import doctor
from recbole_ext.errors import SettingError
from recbole_ext.patches import engine, source, states
from recbole_ext.patches.__main__ import page
from recbole_ext.patches.functions import dataset_cache, sparse_products
from recbole_ext.patches.patch import GROUPS, REQUIRED, Edit, PatchError
from recbole_ext.patches.table import BY_NAME, TABLE
from tests import runs
from tests.patches.switch import switched_off

SHORT = 12  # lines of code
RECBOLE = version("recbole")


def is_for_this_release(patch):
    return not patch.releases or RECBOLE in patch.releases


def is_tried_here(patch):
    """Whether it is for this release of RecBole, and its library, which is optional, is here."""
    library = patch.module.split(".")[0]
    return is_for_this_release(patch) and importlib.util.find_spec(library) is not None


def of_kind(*kinds):
    patches = [patch for patch in TABLE if patch.kind in kinds and is_tried_here(patch)]
    return pytest.mark.parametrize("patch", patches, ids=lambda patch: patch.name)


def of_group(*groups):
    patches = [patch for patch in TABLE if patch.group in groups]
    return pytest.mark.parametrize("patch", patches, ids=lambda patch: patch.name)


@pytest.fixture(scope="module", autouse=True)
def targets():
    assert engine.import_targets() == {}


def lines_of_code(text):
    """Lines of a function without its docstring, comments and empty lines."""
    first = ast.parse(text).body[0].body[0]
    lines = text.splitlines()
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        del lines[first.lineno - 1 : first.end_lineno]
    return sum(bool(line.split("#")[0].strip()) for line in lines)


# --- the rows -------------------------------------------------------------------------------


def test_rows_are_complete():
    assert len(BY_NAME) == len(TABLE)
    assert not {patch.name for patch in TABLE} & set(GROUPS)
    for patch in TABLE:
        assert patch.group in GROUPS
        assert bool(patch.edits) == (patch.kind == "edit") != bool(patch.function)
        assert patch.why.endswith("."), patch.name
        if patch.requires:
            assert BY_NAME[patch.requires].group == patch.group
    used = "".join(edit.new for patch in TABLE for edit in patch.edits for _ in patch.uses)
    assert all(module in used for patch in TABLE for module in patch.uses)


def test_a_replaced_function_has_no_edits():
    replaced = {patch.target for patch in TABLE if patch.kind == "replace"}
    assert not replaced & {patch.target for patch in TABLE if patch.kind == "edit"}
    assert len(replaced) == sum(patch.kind == "replace" for patch in TABLE)


@of_kind("replace", "wrap")
def test_a_function_is_the_expected_one(patch):
    target = engine.locate(patch)[2]
    if patch.kind == "replace":
        assert patch.sources
    if patch.sources:
        assert source.source_hash(target) in patch.sources.values()


@of_kind("edit")
def test_texts_occur_as_often_as_expected(patch):
    text = source.original_source(engine.locate(patch)[2])
    for edit in patch.edits:
        assert text.count(edit.old) == edit.times
    assert lines_of_code(text) > SHORT, "replace a short function whole"
    for module in patch.uses:
        assert any(f"{module}." in edit.new for edit in patch.edits)


@of_kind("provide")
def test_a_provided_name_is_there(patch):
    if states()[patch.name] == "active":
        module = sys.modules[patch.module]
        assert functools.reduce(getattr, patch.qualified_name.split("."), module) is not None


def test_every_patch_has_its_state():
    assert list(states()) == [patch.name for patch in TABLE]
    assert set(states().values()) <= {"active", "not needed"}
    assert states()["numpy-names"] == ("active" if np.__version__ >= "2" else "not needed")
    for patch in TABLE:
        if not is_for_this_release(patch):
            assert states()[patch.name] == "not needed"
        elif patch.needed is None and patch.module != "ray":
            assert states()[patch.name] == "active"
    assert states()["ray-processes"] == ("active" if "ray" in sys.modules else "not needed")


# --- a patch that does not fit --------------------------------------------------------------

WRONG = {
    "hash": (
        {"name": "folder-race", "sources": {"1.2.1": "0123456789ab"}},
        "hash 0123456789ab .RecBole 1.2.1., found 4ea3f5d9409e",
    ),
    "text": ({"name": "pandas-fillna", "edits": (Edit("nowhere", ""),)}, "'nowhere' 1 times"),
    "times": ({"name": "csv-parser", "edits": (Edit("self", "", 3),)}, "'self' 3 times"),
    "target": (
        {"name": "grouping", "target": "recbole.data.dataset.dataset:Dataset._group"},
        "there is no Dataset._group",
    ),
}


@pytest.mark.parametrize(("changes", "problem"), WRONG.values(), ids=WRONG)
def test_a_patch_that_does_not_fit_is_one_clear_error(changes, problem, monkeypatch):
    monkeypatch.setattr(engine, "_states", dict(engine._states))
    monkeypatch.setattr(engine, "_errors", {})
    name = changes["name"]
    bad = replace(BY_NAME[name], **changes, needed=None)
    with pytest.raises(PatchError, match=problem) as caught:
        engine._apply_all([bad], None)
    message = str(caught.value)
    assert message.startswith(f"patch {name}: ")
    assert sys.modules[bad.module].__file__ in message
    assert f"of recbole {RECBOLE}" in message
    assert f"RECBOLE_EXT_DISABLE={name}" in message
    assert "\n" not in message
    assert states()[name] == "does not fit"
    good = BY_NAME["download-barrier"]
    monkeypatch.setitem(engine._states, good.name, "waiting")
    with engine.recording():
        engine._apply_all([bad, good], None)
    assert states()[good.name] == "active"
    assert str(engine.errors()[name]) == message
    assert "does not fit" in doctor._patches()


def test_a_patch_that_is_not_needed_touches_nothing(monkeypatch):
    monkeypatch.setattr(engine, "_states", {"folder-race": "waiting"})
    monkeypatch.setattr(engine, "apply", None)
    engine._apply_all([replace(BY_NAME["folder-race"], needed=lambda: False)], None)
    assert states()["folder-race"] == "not needed"


# --- switching off --------------------------------------------------------------------------


def test_groups_and_names_are_switched_off():
    speed = {patch.name for patch in TABLE if patch.group == "speed"}
    assert engine.switched_off("") == set()
    assert engine.switched_off("speed, cache") == speed | {"dataset-cache", "split-cache"}
    assert engine.switched_off("csv-parser,folder-race") == {"csv-parser", "folder-race"}
    assert engine.switched_off("used-items") == {
        *("used-items", "ranking-loader", "ranking-batches", "ranking-pairs", "ranking-blocks")
    }
    assert engine.switched_off("negative-sampling") == {
        *("negative-sampling", "used-items", "ranking-loader", "ranking-batches", "ranking-pairs"),
        "ranking-blocks",
    }


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("speeed", "found speeed; did you mean speed?"),
        ("cache,csv-praser", "found csv-praser; did you mean csv-parser"),
        ("zzzzzz", "found zzzzzz; recbole-ext doctor lists all names"),
        *((group, f"{group} cannot be switched off") for group in REQUIRED),
        ("trainer-names", "trainer-names cannot be switched off"),
    ],
)
def test_a_name_that_cannot_be_switched_off_is_refused(setting, problem):
    with pytest.raises(SettingError, match=f"^RECBOLE_EXT_DISABLE={setting}: ") as caught:
        engine.switched_off(setting)
    assert problem in str(caught.value)


def python(code, monkeypatch, off):
    monkeypatch.setenv("RECBOLE_EXT_DISABLE", off)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_environment_switches_off(monkeypatch):
    code = """
import recbole_ext.patches
from recbole_ext.patches.table import TABLE
from recbole.data.dataset import Dataset
from recbole.data.dataset.dataset import Counter
states = recbole_ext.patches.states()
off = {patch.name for patch in TABLE if states[patch.name] == "switched off"}
print(off == {patch.name for patch in TABLE if patch.group in ("speed", "cache")})
print(Counter.__module__, Dataset._from_scratch.__code__.co_filename.startswith("<"))
print(Dataset._load_feat.__code__.co_consts.count("python"), Dataset._grouped_index.__module__)
"""
    result = python(code, monkeypatch, "speed,cache")
    assert result.stdout.split() == [
        *("True", "collections", "False", "1", "recbole.data.dataset.dataset")
    ], result.stderr


def test_a_wrong_name_stops_every_attempt_to_import_recbole(monkeypatch):
    code = """
import recbole_ext
for _ in range(2):
    try:
        import recbole.data
    except ValueError as error:
        print(error)
"""
    result = python(code, monkeypatch, "speeed")
    assert result.stdout.count("did you mean speed?") == 2, result.stderr


def test_a_patch_that_does_not_fit_stops_every_attempt(monkeypatch):
    code = """
import recbole_ext
from recbole_ext.patches import engine
from recbole_ext.patches.table import BY_NAME
BY_NAME["grouping"].sources.clear()
for _ in range(2):
    try:
        import recbole.data.dataset
    except ValueError as error:
        print(error)
print(recbole_ext.patches.states()["grouping"])
"""
    result = python(code, monkeypatch, "")
    assert result.stdout.count("found 0740fda13d93") == 2, result.stderr
    assert result.stdout.strip().endswith("does not fit")


def test_commands_refuse_a_wrong_name_in_one_line(monkeypatch):
    monkeypatch.setenv("RECBOLE_EXT_DISABLE", "speeed")
    command = [sys.executable, "-m", "recbole_ext.cli.main", "doctor"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: RECBOLE_EXT_DISABLE=speeed: expected groups")
    assert len(result.stderr.splitlines()) == 1


# --- where it is shown ----------------------------------------------------------------------


def test_importing_the_table_imports_no_library():
    code = "import sys, recbole_ext.patches.table;"
    code += "print({'recbole', 'torch', 'pandas', 'numpy', 'ray'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()"


def test_the_page_is_the_table():
    file = Path(recbole_ext.__file__).parents[1] / "docs" / "patches.md"
    assert file.read_text() == page(), "python -m recbole_ext.patches > docs/patches.md"
    for patch in TABLE:
        assert f"| {patch.name} | `{patch.target}` | {patch.kind} | {patch.why} |" in page()
        assert set(patch.releases) <= {"1.2.0", "1.2.1"}


def test_the_doctor_shows_every_patch():
    text = doctor._patches()
    assert max(map(len, text.splitlines())) <= doctor.WIDTH
    for group, purpose in GROUPS.items():
        assert f"\n{group}: {purpose}\n" in text
    words = " ".join(text.split())
    for patch in TABLE:
        row = f"{patch.name} {states()[patch.name]} {patch.target} {patch.why} {patch.issues}"
        assert row.strip() in words
    rows = [line for line in text.splitlines() if line.startswith("  ") and line[2] != " "]
    assert len(rows) == len(TABLE)
    columns = {(line.index(" ", 3) < doctor.NAME, line[doctor.NAME - 1]) for line in rows}
    assert columns == {(True, " ")}


# --- speed patches change no result ---------------------------------------------------------


# The model of the run that reaches a patch; BPR reaches the others.
MODELS = {
    "graph-lightgcn": "LightGCN",
    "graph-ngcf": "NGCF",
    "graph-gcmc": "GCMC",
    "graph-spectralcf": "SpectralCF",
    "graph-products": "LightGCN",
    "padded-histories": "MultiVAE",
    "ranking-pairs": "NeuMF",
    "layer-mean": "LightGCN",
    "encoded-once": "GCMC",
    "recvae-halves": "RecVAE",
    "histories-fism": "FISM",
    "histories-nais": "NAIS",
}
LIBRARIES = {"graph-ncl": "faiss"}  # NCL needs it; its graph is the same


def results(model):
    """What RecBole reads, splits, draws, trains and measures on a small data set."""
    settings = {
        "load_col": {"inter": ["user_id", "item_id", "rating", "timestamp"]},
        "user_inter_num_interval": "[9,inf)",
        "item_inter_num_interval": "[8,inf)",
        "train_neg_sample_args": {"distribution": "popularity", "sample_num": 2},
        "eval_args": {"mode": "full", "split": {"RS": [0.7, 0.1, 0.2]}, "group_by": "user"},
        "train_batch_size": 50,
        "metrics": ["NDCG", "Recall", "MAP"],
        "valid_metric": "NDCG@10",
        "topk": [3, 10],
        "eval_batch_size": 60,  # some users at a time
    }
    runs.prepare(model, **settings)  # what the cache keeps of it is read by the next
    run = runs.prepare(model, **settings)
    tokens = {field: list(names) for field, names in run.dataset.field2id_token.items()}
    counts = [dict(run.dataset.user_counter), dict(run.dataset.item_counter)]
    parts = [getattr(run, phase)._dataset.inter_feat for phase in ("train", "valid", "test")]
    rows = [{name: part[name].tolist() for name in part.columns} for part in parts]
    torch.manual_seed(3)
    np.random.seed(3)
    batches = [{name: batch[name].tolist() for name in batch.columns} for batch in run.train]
    sampler = run.train._sampler
    users = range(run.dataset.user_num) if sampler is not None else ()
    used = [set(sampler.used_ids[user]) for user in users]
    run.fit()
    metrics = run.trainer.evaluate(run.test, load_best_model=False)
    return tokens, counts, rows, batches, used, run.trainer.train_loss_dict, dict(metrics)


@pytest.fixture
def kept(ratings, monkeypatch):
    monkeypatch.setattr(dataset_cache, "LEAST", 1)
    monkeypatch.setattr(sparse_products, "LEAST", 1)


def model_of(patch):
    """A model that reaches a patch; skips where its library is missing."""
    if library := LIBRARIES.get(patch.name):
        pytest.importorskip(library)
    return MODELS.get(patch.name, "BPR")


@of_group("speed", "cache")
def test_a_speed_patch_gives_the_same_results_switched_on_and_off(patch, kept):
    model = model_of(patch)
    switched_on = results(model)
    with switched_off(patch.name):
        for file in Path("dataset/made/made.cache").glob("*"):
            file.unlink()
        assert results(model) == switched_on


@of_group("speed", "cache")
def test_this_small_run_reaches_every_speed_patch(patch, kept, monkeypatch):
    """Otherwise the test above would compare nothing."""
    owner, name, target = engine.locate(patch)
    calls = []

    def counted(wrapped, _, args, kwargs):
        calls.append(name)
        return wrapped(*args, **kwargs)

    model = model_of(patch)
    monkeypatch.setattr(owner, name, wrapt.FunctionWrapper(target, counted))
    results(model)
    assert calls
