"""Each kind of array that pandas 2 and 3 hand out, given to RecBole's methods that take arrays."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from recbole.data.dataset import Dataset
from recbole.data.interaction import Interaction
from recbole.utils import case_study

from tests import runs
from tests.patches.switch import switched_off

try:
    import pyarrow
except ImportError:
    pyarrow = None


def read_only(values):
    array = np.array(values, dtype=object if isinstance(values[0], str) else None)
    array.flags.writeable = False
    return array


def nullable(values):
    return {str: "string", int: "Int64", float: "Float64"}[type(values[0])]


def of_arrow(values):
    kind = {str: pyarrow.string, int: pyarrow.int64, float: pyarrow.float64}[type(values[0])]
    return pd.ArrowDtype(kind())


KINDS = {
    "list": list,
    "numpy": np.array,
    "read-only": read_only,
    "series": lambda values: pd.Series(values, index=range(7, 7 + len(values))),
    "values": lambda values: pd.Series(values).values,
    "astype": lambda values: pd.Series(values).astype(type(values[0])).values,
    "array": lambda values: pd.Series(values).array,
    "to_numpy": lambda values: pd.Series(values).to_numpy(),
    "unique": lambda values: pd.Series(values).unique(),
    "index": pd.Index,
    "values of an index": lambda values: pd.Index(values).values,
    "nullable": lambda values: pd.array(values, dtype=nullable(values)),
    "nullable series": lambda values: pd.Series(values, dtype=nullable(values)),
    "categories": pd.Categorical,
}
OF_PYARROW = {
    "pyarrow's": lambda values: pd.array(values, dtype=of_arrow(values)),
    "series of pyarrow's": lambda values: pd.Series(values, dtype=of_arrow(values)),
    "text of pyarrow's": lambda values: (
        pd.array(values, dtype="string[pyarrow]") if isinstance(values[0], str) else list(values)
    ),
}
KINDS |= OF_PYARROW if pyarrow else {}


@pytest.fixture(params=KINDS)
def array(request):
    """`array(values)`: the values of a list as one kind of array."""
    return KINDS[request.param]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = runs.write_ratings(tmp_path_factory.mktemp("arrays") / "dataset", "made")
    return runs.prepare("BPR", folder=folder, **runs.RANKING)


@pytest.fixture(autouse=True)
def _no_warnings():
    """torch's, about an array that cannot be written to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*not writable")
        yield


def test_tokens(array, run):
    tokens = ["u3", "u11", "u0"]
    expected = [run.dataset.token2id("user_id", token) for token in tokens]
    ids = run.dataset.token2id("user_id", array(tokens))
    assert isinstance(ids, np.ndarray)
    assert ids.tolist() == expected
    with pytest.raises(ValueError, match=r"token \[nobody\] is not existed in user_id"):
        run.dataset.token2id("user_id", array(["u3", "nobody"]))


def test_ids(array, run):
    ids = [3, 11, 1]
    tokens = run.dataset.id2token("user_id", array(ids))
    assert list(tokens) == [run.dataset.id2token("user_id", number) for number in ids]
    with pytest.raises(ValueError, match=r"not a valid ids|not a one-dimensional"):
        run.dataset.id2token("user_id", array([3, 1000]))


@pytest.mark.parametrize("values", [[4, 2, 9], [0.5, 1.5, -1.0]], ids=["whole", "real"])
def test_a_field_of_interactions(values, array):
    expected = torch.tensor(values)
    column = array(values)
    for given in ({"x": column}, pd.DataFrame({"x": column})):
        tensor = Interaction(given)["x"]
        assert tensor.dtype == expected.dtype
        assert torch.equal(tensor, expected)


def test_a_tensor_of_its_own_where_the_array_cannot_be_written_to():
    array = read_only([1, 2, 3])
    Interaction({"x": array})["x"][0] = 9
    assert array.tolist() == [1, 2, 3]


def test_a_field_of_sequences():
    sequences = pd.Series([np.array([1, 2]), np.array([3])])
    for given in ({"x": sequences}, pd.DataFrame({"x": sequences}), {"x": sequences.array}):
        assert Interaction(given)["x"].tolist() == [[1, 2], [3, 0]]


def test_rows_of_interactions(array, run):
    rows = [5, 0, 7]
    for held in (run.dataset.inter_feat, run.dataset):
        part = held[array(rows)]
        for field in run.dataset.inter_feat:
            assert torch.equal(part[field], run.dataset.inter_feat[field][rows])


@pytest.mark.parametrize(
    "mask",
    [
        lambda of: of > 3,
        lambda of: (of > 3).values,
        lambda of: (of > 3).array,
        lambda of: (of.astype("Int64") > 3).array,
    ],
    ids=["series", "values", "array", "nullable"],
)
def test_rows_by_a_mask(mask, run):
    items = run.dataset.inter_feat["item_id"]
    part = run.dataset.inter_feat[mask(pd.Series(items.numpy()))]
    assert torch.equal(part["item_id"], items[items > 3])


def test_users_of_a_case_study(array, run):
    users = [3, 1, 17]
    expected = case_study.full_sort_scores(users, run.model, run.test)
    assert torch.equal(case_study.full_sort_scores(array(users), run.model, run.test), expected)
    top, items = case_study.full_sort_topk(array(users), run.model, run.test, 4)
    assert torch.equal(top, expected.topk(4).values)
    assert torch.equal(expected.gather(1, items), top)


def test_recbole_alone_refuses_them(run):
    tokens = pd.array(["u3"], dtype="string")
    with switched_off("pandas-tokens"), pytest.raises(TypeError, match="is not supported"):
        run.dataset.token2id("user_id", tokens)
    with switched_off("pandas-columns"), pytest.raises(ValueError, match="is not supported"):
        Interaction({"x": pd.Series([1, 2])})


# Methods with arguments that are names, numbers, settings, tensors or other interactions.
TAKE_NO_ARRAY = {
    Dataset: (
        *("num", "fields", "set_field_property", "copy_field_property", "field2feats", "counter"),
        *("join", "copy", "split_by_ratio", "leave_one_out", "time_based_split", "sort"),
        *("inter_matrix", "history_item_matrix", "history_user_matrix", "get_preload_weight"),
    ),
    Interaction: (*("to", "repeat", "repeat_interleave", "update", "drop", "sort", "add_prefix"),),
}
TRIED = {Dataset: ("token2id", "id2token"), Interaction: ()}


@pytest.mark.parametrize("owner", TRIED)
def test_no_other_public_method_takes_an_array(owner):
    with_arguments = {
        name
        for name, method in vars(owner).items()
        if not name.startswith("_")
        and callable(method)
        and len(inspect.signature(method).parameters) > 1
    }
    assert with_arguments == {*TAKE_NO_ARRAY[owner], *TRIED[owner]}
