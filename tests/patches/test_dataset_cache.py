"""A data set that was read before is the one that its files would give now."""

import os
from pathlib import Path

import pytest
import torch

from recbole_ext.patches.functions import dataset_cache
from tests import runs

LOADED = {
    "load_col": {"inter": ["user_id", "item_id", "rating", "timestamp"], "user": ["user_id", "age"]}
}


@pytest.fixture(autouse=True)
def users(ratings, monkeypatch):
    monkeypatch.setattr(dataset_cache, "LEAST", 1)
    lines = ["user_id:token\tage:float", *(f"u{n}\t{20 + n}" for n in range(30))]
    Path("dataset/made/made.user").write_text("\n".join(lines) + "\n")


def kept(name="made"):
    return sorted(Path(f"dataset/{name}/{name}.cache").glob("*.pt"))


def same(one, two):
    for phase in ("train", "valid", "test"):
        found, expected = (getattr(run, phase)._dataset for run in (one, two))
        for feat in ("inter_feat", "user_feat"):
            for column in getattr(expected, feat).columns:
                assert torch.equal(getattr(found, feat)[column], getattr(expected, feat)[column])
    for field, tokens in two.dataset.field2id_token.items():
        assert one.dataset.field2id_token[field].tolist() == tokens.tolist()
        assert one.dataset.field2token_id[field] == two.dataset.field2token_id[field]
    for name, value in vars(two.dataset).items():
        is_plain = isinstance(value, (str, bool, int, list, type(None))) or "field2" in name
        if is_plain and name not in ("field2id_token", "field2token_id"):
            assert getattr(one.dataset, name) == value, name


@pytest.mark.parametrize("model", ["NCFMLP", "AutoRec", "BPR"])
def test_the_second_run_has_what_the_first_has_read(model, monkeypatch):
    given = {**runs.SMALL.get(model, {}), **LOADED}
    monkeypatch.setattr(dataset_cache, "LEAST", 2**40)
    plain = runs.prepare(model, **given)
    plain.fit()
    assert not kept()
    monkeypatch.setattr(dataset_cache, "LEAST", 1)
    first = runs.prepare(model, **given)
    assert len(kept()) == 1
    with monkeypatch.context() as patch:
        patch.setattr("pandas.read_csv", None)  # nothing is read
        second = runs.prepare(model, **given)
    second.fit()
    same(first, plain)
    same(second, plain)
    assert second.trainer.train_loss_dict == plain.trainer.train_loss_dict


def test_parts_of_a_data_set_are_kept_as_parts(tmp_path):
    from recbole_ext.data import interaction_file
    from recbole_ext.evaluator import protocols

    source = interaction_file.read(tmp_path / "dataset" / "made" / "made.inter")
    protocols.grid(0.2, 0.1, 3).write_dataset(source, Path("dataset"))
    first, second = (runs.prepare("NCFMLP", "made-grid", **runs.SMALL["NCFMLP"]) for _ in range(2))
    assert len(kept("made-grid")) == 1
    for phase in ("train", "valid", "test"):
        found, expected = (getattr(run, phase)._dataset.inter_feat for run in (second, first))
        for column in expected.columns:
            assert torch.equal(found[column], expected[column])


def test_another_content_is_read():
    first = runs.prepare("BPR", **LOADED)
    file = Path("dataset/made/made.user")
    before = file.stat()
    file.write_text(file.read_text().replace("\t21", "\t99"))  # as long, and as old
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = runs.prepare("BPR", **LOADED)
    assert len(kept()) == 2
    assert not torch.equal(first.dataset.user_feat["age"], second.dataset.user_feat["age"])


@pytest.mark.parametrize(
    "setting",
    [
        {"user_inter_num_interval": "[9,inf)"},
        {"val_interval": {"rating": "[3,inf)"}},
        {"rm_dup_inter": "first"},
        {"threshold": {"rating": 3}},
        {"normalize_all": False},
        {"load_col": {"inter": ["user_id", "item_id"]}},
        {"unused_col": {"inter": ["timestamp"]}},
        {"filter_inter_by_user_or_item": False},
    ],
    ids=str,
)
def test_another_setting_is_read_with(setting, monkeypatch):
    labels = {"train_neg_sample_args": None} if "threshold" in setting else {}
    model = "NeuMF" if labels else "BPR"  # which reads no labels
    runs.prepare("BPR", **LOADED)
    found = runs.prepare(model, **{**LOADED, **setting, **labels})
    assert len(kept()) == 2
    monkeypatch.setattr(dataset_cache, "LEAST", 2**40)
    expected = runs.prepare(model, **{**LOADED, **setting, **labels})
    for column in expected.dataset.inter_feat.columns:
        assert torch.equal(found.dataset.inter_feat[column], expected.dataset.inter_feat[column])


def test_what_does_not_change_the_data_shares_it():
    runs.prepare("BPR", **LOADED, seed=1, learning_rate=0.1)
    order = {"eval_args": {"order": "TO", "split": {"LS": "valid_and_test"}}}
    runs.prepare("NeuMF", **LOADED, seed=2, **order)
    assert len(kept()) == 1


def test_another_release_reads_anew(monkeypatch):
    runs.prepare("BPR", **LOADED)
    monkeypatch.setattr(dataset_cache, "__version__", "later")
    runs.prepare("BPR", **LOADED)
    assert len(kept()) == 2


def test_a_damaged_file_is_read_anew_and_replaced():
    first = runs.prepare("BPR", **LOADED)
    whole = kept()[0].read_bytes()
    kept()[0].write_bytes(whole[: len(whole) // 2])
    second = runs.prepare("BPR", **LOADED)
    same(second, first)
    assert len(kept()[0].read_bytes()) == len(whole)


def test_the_oldest_go():
    for number in range(dataset_cache.KEPT + 2):
        runs.prepare("BPR", **LOADED, user_inter_num_interval=f"[{number},inf)")
    assert len(kept()) == dataset_cache.KEPT
    suffixes = {file.suffix for file in Path("dataset/made/made.cache").iterdir()}
    assert suffixes == {".pt", ".split"}


def test_a_folder_that_cannot_be_written_is_no_error(monkeypatch):
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    runs.prepare("BPR", **LOADED)
    assert not kept()


def test_lists_of_tokens_are_not_kept():
    lines = ["item_id:token\tclass:token_seq", *(f"i{n}\ta b" for n in range(20))]
    Path("dataset/made/made.item").write_text("\n".join(lines) + "\n")
    runs.prepare("BPR", load_col={"inter": ["user_id", "item_id"], "item": ["item_id", "class"]})
    assert not kept()


def test_small_data_sets_are_not_kept(monkeypatch):
    monkeypatch.setattr(dataset_cache, "LEAST", 2**25)
    runs.prepare("BPR", **LOADED)
    assert not kept()
