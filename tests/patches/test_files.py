"""Saved data sets and loaders, the case study, and what a run refuses before it begins."""

import logging
import pickle
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import DataError, FileError
from recbole_ext.patches.functions import case_study
from tests import runs
from tests.limits import file_size_limit
from tests.patches.switch import switched_off

SAMPLED = {**runs.RANKING, "eval_args": {**runs.RANKING["eval_args"], "mode": "uni5"}}

# Models with the loaders of each kind: labelled parts, full rankings and sampled ones.
CASES = {
    "AutoRec": ("AutoRec", {}),
    "AutoRec, ranked": ("AutoRec", runs.RANKING),
    "NCFMLP": ("NCFMLP", {}),
    "NCFGMF, all items": ("NCFGMF", {"negatives": "all", "train_neg_sample_args": None}),
    "BPR": ("BPR", {}),
    "BPR, sampled": ("BPR", SAMPLED),
}
MODELS = pytest.mark.parametrize("case", CASES)


def prepare(case: str, **more):
    model, settings = CASES[case]
    return runs.prepare(model, **{**runs.SMALL.get(model, {}), **settings, **more})


def trained(case: str, **more) -> tuple:
    """Losses, the best score and the test metrics of a run."""
    run = prepare(case, **more)
    score, _ = run.fit()
    test = run.trainer.evaluate(run.test, show_progress=False)
    return list(run.trainer.train_loss_dict.values()), score, dict(test)


# --- saved data sets and loaders ------------------------------------------------------------


@MODELS
@pytest.mark.parametrize("setting", ["save_dataloaders", "save_dataset"])
def test_saving_changes_nothing_and_the_second_run_is_the_first(setting, case, ratings, recwarn):
    expected = trained(case)
    assert trained(case, **{setting: True}) == expected
    saved = [path for path in Path("saved").iterdir() if path.name.startswith("made-")]
    assert len(saved) == 1
    before = saved[0].stat().st_mtime_ns
    assert trained(case, **{setting: True}) == expected
    assert saved[0].stat().st_mtime_ns == before  # which was read, and not written again
    assert not [w for w in recwarn if issubclass(w.category, UserWarning) and "saved" in str(w)]


@pytest.mark.parametrize(
    ("setting", "path", "suffix"),
    [
        ("save_dataloaders", "dataloaders_save_path", "-for-BPR-dataloader.pth"),
        ("save_dataset", "dataset_save_path", "-Dataset.pth"),
    ],
)
def test_a_file_elsewhere_is_used(setting, path, suffix, ratings):
    expected = trained("BPR", **{setting: True})
    Path(f"saved/made{suffix}").rename("mine.pth")
    assert trained("BPR", **{path: "mine.pth"}) == expected
    run = prepare("BPR", **{path: "mine.pth"})
    identity = run.config.recbole_ext_identity
    assert identity.splits == prepare("BPR").config.recbole_ext_identity.splits
    assert run.config["dataloaders_save_path"] == ("mine.pth" if "loaders" in path else None)


CHANGES = {
    "epochs": ({"epochs": 3, "learning_rate": 0.1}, None),
    "a batch": ({"train_batch_size": 16}, "train_batch_size"),
    "a split": (
        {"eval_args": {**runs.RANKING["eval_args"], "split": {"RS": [0.5, 0.2, 0.3]}}},
        "eval_args",
    ),
    "a seed": ({"seed": 7}, "seed"),
    "a filter": ({"user_inter_num_interval": "[9,inf)"}, "user_inter_num_interval"),
    "negatives": (
        {"train_neg_sample_args": {"distribution": "popularity", "sample_num": 2}},
        "train_neg_sample_args",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("setting", ["save_dataloaders", "save_dataset"])
def test_what_was_saved_by_another_run_gives_the_numbers_of_this_one(setting, case, ratings):
    """Never those of the other batch size or the other split."""
    changes, name = CHANGES[case]
    expected = trained("BPR", **changes)
    trained("BPR", **{setting: True})
    if setting == "save_dataloaders" and name is not None:
        with pytest.warns(UserWarning, match=rf"saved by another run \(.*{name}.*made anew"):
            assert trained("BPR", **changes) == expected
    else:
        assert trained("BPR", **changes) == expected


@pytest.mark.parametrize(
    ("setting", "message"),
    [("save_dataloaders", "made anew"), ("save_dataset", "is read anew")],
)
def test_what_was_saved_of_other_files_is_not_used(setting, message, ratings):
    before = trained("BPR", **{setting: True})
    file = ratings / "made" / "made.inter"
    file.write_text(file.read_text() + "new\ti1\t3\t9\nnew\ti2\t3\t9\nnew\ti3\t3\t9\n")
    with pytest.warns(UserWarning, match=rf"\(the data files\); the .* {message}"):
        after = trained("BPR", **{setting: True})
    assert after != before
    assert after == trained("BPR", **{setting: True})


DAMAGED = {
    "empty": b"",
    "a text": b"epochs: 3\n",
    "of another release": pickle.dumps(DataError).replace(b"DataError", b"GataError"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("path", ["dataloaders_save_path", "dataset_save_path"])
def test_a_damaged_file_is_one_line(path, content, ratings):
    Path("mine.pth").write_bytes(content)
    with pytest.raises(DataError, match=r"^mine\.pth: cannot be read as a saved") as caught:
        prepare("BPR", **{path: "mine.pth"})
    assert "\n" not in str(caught.value)


def test_something_else_is_one_line(ratings):
    Path("mine.pth").write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(DataError, match="expected the three loaders that save_dataloaders writes"):
        prepare("BPR", dataloaders_save_path="mine.pth")
    with pytest.warns(UserWarning, match="list instead of Dataset"):
        prepare("BPR", dataset_save_path="mine.pth")


def test_a_save_that_fails_leaves_the_old_file(ratings):
    prepare("BPR", save_dataset=True, save_dataloaders=True)
    before = {path: path.read_bytes() for path in Path("saved").iterdir()}
    assert len(before) == 2
    for setting in ("save_dataset", "save_dataloaders"):
        with file_size_limit(9000), pytest.raises(OSError, match="File too large"):
            prepare("BPR", user_inter_num_interval="[2,inf)", **{setting: True})
    assert {path: path.read_bytes() for path in Path("saved").iterdir()} == before


# --- the case study -------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["AutoRec", "BPR, sampled", "AutoRec, ranked", "BPR"])
@pytest.mark.parametrize("part", ["test", "valid"])
def test_the_case_study_scores_what_the_model_scores_without_what_is_seen(part, case, ratings):
    from recbole.data.interaction import Interaction
    from recbole.utils.case_study import full_sort_scores, full_sort_topk

    run = prepare(case)
    run.fit()
    loader = getattr(run, part)
    users = [3, 1, 17, 3]
    scores = full_sort_scores(np.array(users), run.model, loader)
    with torch.no_grad():
        expected = run.model.full_sort_predict(Interaction({"user_id": torch.tensor(users)}))
    expected = expected.view(len(users), -1).clone()
    before = [run.train._dataset] if part == "valid" else [run.train._dataset, run.valid._dataset]
    own = InteractionSet.of_dataset(loader._dataset)
    for row, user in enumerate(users):
        seen = set().union(*(InteractionSet.of_dataset(dataset)[user] for dataset in before))
        assert seen - own[user]
        expected[row, [0, *(seen - own[user])]] = -torch.inf
    torch.testing.assert_close(scores, expected, rtol=0, atol=0)
    top, items = full_sort_topk(users, run.model, loader, 4)
    torch.testing.assert_close(top, expected.topk(4).values, rtol=0, atol=0)
    assert torch.equal(expected.gather(1, items), top)


def test_the_case_study_of_labelled_parts_is_that_of_the_full_ranking(ratings):
    from recbole.utils.case_study import full_sort_topk

    labelled, ranked = prepare("AutoRec"), prepare("AutoRec, ranked")
    labelled.fit()
    ranked.model.load_state_dict(labelled.model.state_dict())
    users = np.arange(1, 31)
    one = full_sort_topk(users, labelled.model, labelled.test, 5)
    two = full_sort_topk(users, ranked.model, ranked.test, 5)
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_an_item_that_is_seen_again_is_no_history():
    """As RecBole's loader of full rankings has it: what the part itself holds stays in the list."""

    def part(*pairs):
        users, items = (torch.tensor(ids) for ids in zip(*pairs, strict=True))
        feat = {"user": users, "item": items}
        names = {"uid_field": "user", "iid_field": "item", "user_num": 4, "item_num": 6}
        return SimpleNamespace(inter_feat=feat, **names)

    test = part((1, 2), (2, 5))
    test.recbole_ext_earlier_parts = [part((1, 2), (1, 3), (2, 1)), part((1, 4), (3, 5))]
    items = case_study.history(test, np.array([1, 2, 3, 1]))
    assert [None if one is None else one.tolist() for one in items] == [None, [3, 4], [1], [5]]


def test_without_the_patch_the_case_study_fails(ratings):
    from recbole.utils import case_study as recbole_case_study

    run = prepare("AutoRec")
    with switched_off("case-study"), pytest.raises(AttributeError, match="uid2history_item"):
        recbole_case_study.full_sort_scores([1], run.model, run.test)


def test_the_case_study_of_a_loaded_model(ratings):
    from recbole.quick_start import load_data_and_model
    from recbole.utils.case_study import full_sort_topk

    run = prepare("AutoRec")
    run.fit()
    run.trainer.evaluate(run.test)
    _, model, _, _, _, test = load_data_and_model(run.trainer.saved_model_file)
    one = full_sort_topk([2, 5], run.model, run.test, 3)
    two = full_sort_topk([2, 5], model, test, 3)
    torch.testing.assert_close(one[0], two[0])
    assert torch.equal(one[1], two[1])


# --- before the run -------------------------------------------------------------------------


@contextmanager
def logger_to_be_made():
    """Within this block RecBole can make its logger: it adds no handlers to those of others."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:], root.level = before, level


@pytest.mark.parametrize("output", ["saved", "log", "log_tensorboard"])
def test_an_output_that_is_a_file_is_refused_before_the_data_is_read(output, ratings, monkeypatch):
    from recbole.data.dataset import Dataset
    from recbole.quick_start import run_recbole

    Path(output).write_text("mine")
    monkeypatch.setattr(Dataset, "_from_scratch", lambda self: pytest.fail("has been read"))
    settings = {"data_path": "dataset", "epochs": 1, "state": "ERROR"}
    message = rf"expected a folder, found the file {output}; name"
    with logger_to_be_made(), pytest.raises(FileError, match=message):
        run_recbole("BPR", "made", config_dict=settings)
    assert sorted(path.name for path in Path().iterdir()) == sorted(["dataset", output])


def test_a_log_that_cannot_be_written_ends_the_run(ratings, capsys):
    from recbole.config import Config
    from recbole.utils import init_logger

    config = Config("BPR", "made", config_dict={"data_path": "dataset", "state": "INFO"})
    with logger_to_be_made():
        init_logger(config)
        logging.getLogger().info("x" * 9000)
        with file_size_limit(9000), pytest.raises(OSError, match="File too large") as caught:
            logging.getLogger().info("x" * 9000)
    assert Path(caught.value.filename).name.startswith("BPR-made-")
    assert "Traceback" not in capsys.readouterr().err


def test_curves_that_cannot_be_written_end_the_run_without_the_traceback_of_a_thread(
    ratings, capsys
):
    run = prepare("BPR")
    writer = run.trainer.tensorboard
    writer.add_scalar("Loss/Train", 1.0, 0)
    writer.flush()

    def write_curves():
        for epoch in range(99):
            writer.add_scalar("Loss/Train", 1.0, epoch)
            writer.flush()

    with file_size_limit(100), pytest.raises(OSError, match="File too large") as caught:
        write_curves()
    assert caught.value.filename == "log_tensorboard"
    assert capsys.readouterr().err == ""
