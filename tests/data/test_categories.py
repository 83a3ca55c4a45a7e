import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.data import categories

COLUMN = st.lists(st.sampled_from(["a", "b", "", "01", "é", "NA"]), max_size=5)


@given(st.lists(COLUMN, max_size=4))
def test_columns_one_after_the_other(columns):
    whole = categories.union([pd.Categorical(column) for column in columns])
    assert whole.tolist() == [text for column in columns for text in column]
    assert not whole.categories.has_duplicates
