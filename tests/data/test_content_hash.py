import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.data import content_hash

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


def of(rows):
    users, items = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return content_hash.interactions_hash(users, items)


@given(pairs, pairs)
def test_equal_multisets_of_interactions_and_they_alone_have_one_hash(one, two):
    assert (of(one) == of(two)) == (sorted(one) == sorted(two))


def test_blocks_do_not_change_the_hash(monkeypatch):
    rows = [(u, i) for u in range(9) for i in range(7)]
    whole = of(rows)
    monkeypatch.setattr(content_hash, "_ROWS", 5)
    assert of(rows) == whole


def test_a_changed_or_renamed_file_has_another_hash(tmp_path):
    file = tmp_path / "a.inter"
    file.write_text("one\n")
    before = content_hash.files_hash([file])
    assert content_hash.files_hash([file]) == before
    file.write_text("two!\n")
    changed = content_hash.files_hash([file])
    other = file.rename(tmp_path / "b.inter")
    assert len({before, changed, content_hash.files_hash([other])}) == 3


def test_the_files_of_a_data_set_are_its_own(tmp_path):
    for name in ("a.inter", "a.train.inter", "a.item", "a.test.negatives", "ab.inter", "a.yaml"):
        (tmp_path / name).touch()
    assert [path.name for path in content_hash.data_files(tmp_path, "a")] == [
        "a.inter",
        "a.item",
        "a.test.negatives",
        "a.train.inter",
    ]


def test_a_hash_that_has_begun_is_computed_once(tmp_path, monkeypatch):
    (tmp_path / "small").write_text("a")
    large = tmp_path / "large"
    large.write_text("ab")
    monkeypatch.setattr(content_hash, "_LARGE", 2)
    may_end, opened = threading.Event(), []

    class Slow(type(large)):
        def open(self, *args):
            opened.append(self.name)
            may_end.wait(5)
            return super().open(*args)

    files = [Slow(tmp_path / "small"), Slow(large)]
    content_hash.begin(files)
    threading.Timer(0.05, may_end.set).start()
    assert content_hash.files_hash([files[1]]) == content_hash.files_hash([large])
    assert opened == ["large"]
