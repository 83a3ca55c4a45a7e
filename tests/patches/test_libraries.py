"""Each patch of the groups libraries and bugs has a test here that fails without it."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from recbole_ext.patches.functions import libraries
from tests import runs
from tests.patches.switch import switched_off
from tests.stacks import toy


@pytest.fixture
def toy_dataset(tmp_path):
    """`read(**settings)`: RecBole's data set over the toy files, before it is split."""
    toy.write(tmp_path)

    def read(**settings):
        from recbole.config import Config
        from recbole.data import create_dataset

        given = {
            "data_path": str(tmp_path),
            "load_col": None,
            "filter_inter_by_user_or_item": False,
            **settings,
        }
        with switched_off("exact-reading"):  # which refuses a missing rating
            dataset = create_dataset(Config("BPR", "toy", config_dict=given))
        dataset._change_feat_format()
        return dataset

    return read


def python(code: str) -> str:
    """Run code in a fresh process; its output."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_importing_the_package_does_not_import_recbole():
    assert (
        python("import sys, recbole_ext; print({'recbole', 'torch', 'ray'} & set(sys.modules))")
        == "set()"
    )


def test_recbole_imports_before_us_or_after():
    check = "from recbole.quick_start import run_recbole; from recbole.utils import get_model;"
    after = f"import recbole_ext; {check} print(get_model('AutoRec').__name__)"
    assert python(after) == "AutoRec"
    # Where setuptools has pkg_resources, RecBole can be imported first; its Config always can.
    before = f"import recbole.config, recbole.data, recbole.trainer, recbole_ext; {check} "
    assert python(before + "print(get_model('NCFMLP').__module__)") == (
        "recbole_ext.models.ncf.adapter"
    )


def test_pkg_resources_has_what_ray_asks_for():
    pkg_resources = pytest.importorskip("pkg_resources", reason="no Ray that imports it")
    pytest.importorskip("ray.tune", reason="no Ray")  # imports numpy.bool8 too

    assert pkg_resources.get_distribution("numpy").version == np.__version__
    with pytest.raises(pkg_resources.DistributionNotFound):
        pkg_resources.require("no-such-distribution")
    assert pkg_resources.packaging.version.parse("1.10") > pkg_resources.packaging.version.parse(
        "1.9"
    )


def test_the_standin_has_the_vendored_packaging():
    code = f"""
import sys
sys.path.insert(0, {str(libraries.STANDINS)!r})
from pkg_resources._vendor.packaging.version import parse
print(parse("1.10") > parse("1.9"))
"""
    assert python(code) == "True"


def test_config_restores_the_names_recbole_uses():
    from recbole.config import Config

    Config("BPR", "ml-100k")
    assert np.float is np.float64
    assert np.long is np.int_
    assert np.unicode is np.str_


def test_dok_matrix_update():
    import recbole.model.abstract_recommender  # noqa: F401
    from scipy.sparse import dok_matrix

    matrix = dok_matrix((2, 3), dtype=np.float32)
    matrix._update({(0, 1): 2.0, (1, 2): 3.0})
    np.testing.assert_array_equal(matrix.toarray(), [[0, 2, 0], [0, 0, 3]])


def test_missing_values_are_filled(toy_dataset):
    dataset = toy_dataset()
    # ratings 3, 5, 1, 4, 2, 5, 4 are there; their mean fills the other three
    np.testing.assert_allclose(
        dataset.inter_feat["rating"].numpy(),
        [3, 24 / 7, 5, 1, 24 / 7, 4, 2, 5, 4, 24 / 7],
        rtol=1e-6,
    )
    contexts = dataset.id2token("context", dataset.inter_feat["context"].numpy())
    assert contexts.tolist() == ["a", "[PAD]", "b", "a", "[PAD]", "b", "a", "c", "c", "a"]
    # user 4 has interactions and no line in the .user file, as has the padding user 0
    ages = dict(
        zip(
            dataset.field2id_token["user_id"],
            dataset.id2token("age", dataset.user_feat["age"].numpy()),
            strict=True,
        )
    )
    assert ages == {"[PAD]": "[PAD]", "1": "20", "2": "[PAD]", "3": "30", "4": "[PAD]", "5": "40"}
    heights = dataset.user_feat["height"].numpy()
    np.testing.assert_allclose(heights[0], (1.7 + 1.6 + 1.9) / 3, rtol=1e-6)


def test_sequences_keep_their_own_lengths(toy_dataset):
    dataset = toy_dataset()
    tags = dataset.inter_feat["tags"].numpy()
    assert (tags != 0).sum(axis=1).tolist() == [2, 0, 1, 3, 0, 1, 2, 0, 1, 1]
    assert dataset.id2token("tags", tags[3]).tolist() == ["x", "y", "z"]


def test_float_sequences_are_normalised_and_split_again(toy_dataset):
    weights = toy_dataset(normalize_all=True).inter_feat["weights"].numpy()
    # the values run from 0.1 to 4.0
    np.testing.assert_allclose(weights[3], (np.array([0.1, 0.2, 0.3]) - 0.1) / 3.9, atol=1e-6)
    np.testing.assert_allclose(weights[4], [1, 0, 0], atol=1e-6)


def test_float_sequences_are_discretised_and_split_again(toy_dataset):
    settings = toy.READINGS["discretised"]
    scores = toy_dataset(**settings).user_feat["scores"].numpy()
    users = ("pad", "1", "2", "3", "4", "5")
    by_user = dict(zip(users, scores[..., 1].tolist(), strict=True))
    # 1 to 6 in four equal steps of 1.25: 1, 2 | 3 | 4 | 5, 6
    assert by_user["1"] == [1, 1, 0]
    assert by_user["2"] == [2, 0, 0]
    assert by_user["5"] == [3, 4, 4]


def test_benchmark_sequences_keep_their_own_lengths(tmp_path):
    from recbole.config import Config
    from recbole.data import create_dataset

    place = tmp_path / "seq"
    place.mkdir()
    header = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    (place / "seq.train.inter").write_text(header + "1\ta b c\td\n2\ta\tb\n")
    (place / "seq.valid.inter").write_text(header + "1\ta b c d\te\n")
    (place / "seq.test.inter").write_text(header + "2\ta b\tc\n")
    config = Config(
        "GRU4Rec",
        "seq",
        config_dict={
            "data_path": str(tmp_path),
            "load_col": None,
            "benchmark_filename": ["train", "valid", "test"],
            "alias_of_item_id": ["item_id_list"],
            "train_neg_sample_args": None,
        },
    )
    dataset = create_dataset(config)
    assert dataset.inter_feat["item_length"].tolist() == [3, 1, 4, 2]


def test_entities_are_remapped_with_their_sequences(tmp_path):
    # _reset_ent_remapID walks fields of the entity space; a token_seq of items is one of them
    from recbole.config import Config
    from recbole.data import create_dataset

    place = tmp_path / "kg"
    place.mkdir()
    (place / "kg.inter").write_text("user_id:token\titem_id:token\n1\ta\n1\tb\n2\tb\n2\tc\n")
    (place / "kg.item").write_text("item_id:token\tsimilar:token_seq\na\tb c\nb\ta\nc\t\n")
    (place / "kg.kg").write_text(
        "head_id:token\trelation_id:token\ttail_id:token\nA\tr\tB\nB\tr\tX\n"
    )
    (place / "kg.link").write_text("item_id:token\tentity_id:token\na\tA\nb\tB\n")
    config = Config(
        "CFKG",
        "kg",
        config_dict={
            "data_path": str(tmp_path),
            "load_col": None,
            "alias_of_item_id": ["similar"],
        },
    )
    dataset = create_dataset(config)
    similar = [dataset.id2token("item_id", ids).tolist() for ids in dataset.item_feat["similar"]]
    names = dataset.id2token("item_id", dataset.item_feat["item_id"].to_numpy()).tolist()
    assert dict(zip(names, similar, strict=True)) == {
        "[PAD]": [],
        "a": ["b", "c"],
        "b": ["a"],
        "c": [],
    }


def test_reading_and_training_warn_about_nothing(ratings):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("error", FutureWarning)
        if pd.__version__ < "3":  # announces what the shims mend from 3 on
            warnings.filterwarnings("ignore", "A value is trying to be set", FutureWarning)
        run = runs.prepare("BPR", epochs=1)
        run.fit()
    assert torch.isfinite(torch.tensor(run.trainer.train_loss_dict[0]))


def test_a_download_ends_without_a_process_group(tmp_path, monkeypatch):
    import recbole.data.dataset.dataset as module
    from recbole.config import Config

    def fetch(url, folder):
        runs.write_ratings(Path(folder).parent, "ml-1m")
        archive = Path(folder) / "ml-1m.zip"
        archive.touch()
        return str(archive)

    monkeypatch.setattr(module, "decide_download", lambda url: True)
    monkeypatch.setattr(module, "download_url", fetch)
    monkeypatch.setattr(module, "extract_zip", lambda path, folder: None)
    dataset = module.Dataset(Config("BPR", "ml-1m", config_dict={"data_path": str(tmp_path)}))
    assert dataset.user_num == 31


def test_a_folder_that_another_process_has_just_made_is_no_error(tmp_path, monkeypatch):
    from recbole.utils import ensure_dir

    monkeypatch.setattr(os.path, "exists", lambda path: False)  # as it was when this one looked
    ensure_dir(str(tmp_path))
    assert tmp_path.is_dir()


def test_metrics_beyond_accuracy(ratings):
    names = ["ItemCoverage", "AveragePopularity", "TailPercentage", "GiniIndex", "ShannonEntropy"]
    given = {"metrics": names, "topk": [3], "valid_metric": "ItemCoverage@3"}
    run = runs.prepare("BPR", eval_args={"mode": "full"}, epochs=1, **given)
    run.fit()
    found = run.trainer.evaluate(run.test, show_progress=False)
    assert len(found) == len(names)
    counts = torch.bincount(
        run.train._dataset.inter_feat["item_id"], minlength=run.dataset.item_num
    )
    listed = []
    for user in run.test.uid_list:
        scores = run.model.full_sort_predict({"user_id": user[None]}).detach()
        scores[[0, *run.test.history[int(user)]]] = -torch.inf
        best = scores.topk(3)
        listed.append(best.indices[best.values > -torch.inf])  # a user may have fewer candidates
    popularity = [float(counts[items].double().mean()) for items in listed]
    assert found["averagepopularity@3"] == pytest.approx(sum(popularity) / len(listed), abs=1e-4)
    coverage = len(torch.cat(listed).unique()) / (run.dataset.item_num - 1)
    assert found["itemcoverage@3"] == pytest.approx(coverage, abs=1e-4)


@pytest.mark.slow
def test_two_processes_train_on_a_cpu(ratings):
    """Through the command: the children start from its script and import what it imports."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "recbole_ext.cli.run"),
            *("--model=AutoRec", "--dataset=made", "--nproc=2", "--port=29517"),
            *("--epochs=2", "--mlp_hidden_size=[5]", "--show_progress=False"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "rmse" in result.stdout


@pytest.mark.slow
def test_ray_workers_find_our_models():
    pytest.importorskip("ray", reason="no Ray")
    code = """
import os, recbole_ext, ray
before = os.environ.get("PYTHONPATH")
ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
assert os.environ.get("PYTHONPATH") == before

@ray.remote
def names():
    from recbole.config import Config
    from recbole.utils import get_model
    import sys
    sys.argv = sys.argv[:1]
    return get_model("AutoRec").__module__, Config("NCFMLP", "ml-100k")["embedding_size"]

print(*ray.get(names.remote()))
"""
    assert python(code) == "recbole_ext.models.autorec.adapter 512"


SPARSE = """
import warnings
warnings.simplefilter("always")
import torch
import recbole.model.abstract_recommender  # applies the patch
indices = torch.tensor([[0, 2, 0], [1, 1, 1]])
values = torch.tensor([1.5, -2.0, 3.0], requires_grad=True)
size = torch.Size((3, 4))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for args in ((indices, values), (indices, values, size)):
        graph = torch.sparse.FloatTensor(*args)
        (graph.to_dense() ** 2).sum().backward()
        print(tuple(graph.shape), graph._nnz(), graph.dtype, graph.to_dense().tolist())
    print(values.grad.tolist())
print([str(x.message)[:30] for x in caught if "parse" in str(x.message)])
print(tuple(torch.sparse.FloatTensor(2, 3).shape), graph.type())
"""


def test_sparse_tensors_are_torchs_without_its_warning(tmp_path):
    def run(off):
        result = subprocess.run(
            [sys.executable, "-c", "import recbole_ext\n" + SPARSE],
            env={**os.environ, "RECBOLE_EXT_DISABLE": off},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            cwd=tmp_path,
        )
        return result.stdout.splitlines()

    ours, theirs = run(""), run("torch-sparse")
    assert (
        ours[:3]
        == theirs[:3]
        == [
            "(3, 2) 3 torch.float32 [[0.0, 4.5], [0.0, 0.0], [0.0, -2.0]]",
            "(3, 4) 3 torch.float32 "
            "[[0.0, 4.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0]]",
            "[18.0, -8.0, 18.0]",
        ]
    )
    assert ours[3] == "[]"
    assert theirs[3] != "[]"
    assert ours[4:] == theirs[4:]
