"""The one reader of yaml files: RecBole's values, and one line for what is refused."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recbole_ext.config import yaml_file
from recbole_ext.errors import SettingError

PACKAGE = Path(yaml_file.__file__).parents[1]


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        file = tmp_path / "a.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return yaml_file.read(file)

    return read_text


def test_values_are_read(read):
    text = "\ufeffa: 1e-3\nb: [1, 1.5, yes, ~, x, 'yes']\nc: {d: &e [2], f: *e}\ng: 1E+2\n"
    values = {"a": 0.001, "b": [1, 1.5, True, None, "x", "yes"], "c": {"d": [2], "f": [2]}}
    assert read(text) == {**values, "g": 100.0}


def test_a_merged_mapping_may_be_overridden(read):
    text = "base: &base {x: 1, y: 2}\nmine:\n  <<: *base\n  y: 3\n"
    assert read(text)["mine"] == {"x": 1, "y": 3}


@given(st.text("0123456789.eE+-_:xo", min_size=1, max_size=8) | st.floats().map(repr))
@example("1e-3")
@example("1e5")
@example("-1_0.5e3")
@example(".5e+3")
@example("1:30.5")
@example("0x1f")
@example("1e-")
@settings(deadline=None, max_examples=500)
def test_numbers_are_recboles(tmp_path_factory, text):
    """RecBole's own loader is the oracle."""
    from recbole.config import Config

    loader = Config._build_yaml_loader(None)
    file = tmp_path_factory.getbasetemp() / "number.yaml"
    file.write_text(f"a: {text}\n")
    try:
        expected = yaml.load(file.read_text(), Loader=loader)
    except (yaml.YAMLError, ValueError):
        expected = None
    if not isinstance(expected, dict):
        with pytest.raises(SettingError):
            yaml_file.read(file)
        return
    value = yaml_file.read(file)["a"]
    assert (type(value), repr(value)) == (type(expected["a"]), repr(expected["a"]))


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 30)
)
NESTED = ": expected at most 30 levels of nesting, found more"
EXPANDED = ": expected at most 20,000 values, aliases expanded, found more"
VALUES = "expected a text, number, list or mapping, found "

REFUSED = {
    "a key twice": ("a: 1\nb: 2\na: 3\n", ", line 3: a: the key is already in line 1; keep one"),
    "inside": ("x:\n  a: 1\n  a: 1\n", ", line 3: a: the key is already in line 2; keep one"),
    "in a line": ("x: {a: 1, a: 2}", ", line 1: a: the key is already in line 1; keep one"),
    "aliases of lists": (BOMB, f", line 5{EXPANDED}"),
    "aliases merged": (MERGED, f", line 5{EXPANDED}"),
    "many values": ("a: [" + "b," * 30_000 + "]", f", line 1{EXPANDED}"),
    "inside itself": ("a: &a [*a]", ", line 1: expected no value inside itself, found *a"),
    "no such alias": ("a: 1\nb: *c", ", line 2: not yaml: found undefined alias 'c'"),
    "brackets": ("a: " + "[" * 100_000, f", line 1{NESTED}"),
    "braces": ("{a: " * 50_000, f", line 1{NESTED}"),
    "dashes": ("- " * 100_000, f", line 1{NESTED}"),
    "indents": ("".join(" " * i + "a:\n" for i in range(200)), f", line 30{NESTED}"),
    "long": ("a: " + "b" * 300_000, ": expected at most 250,000 bytes of yaml, found more"),
    "a long number": (
        "a: 1" + ":10" * 50_000,
        ", line 1: expected at most 100 digits, found 150,001",
    ),
    "a list": ("- a\n", ", line 1: expected lines of `key: value`, found a list"),
    "a value": ("\na\n", ", line 2: expected lines of `key: value`, found a single value"),
    "nothing": ("# a\n", ", line 1: expected lines of `key: value`, found nothing"),
    "a number as key": (
        "a:\n  1: 2\n",
        ", line 2: expected a key that is text, found 1; write it in quotes",
    ),
    "a truth value as key": (
        "no: 1\n",
        ", line 1: expected a key that is text, found no; write it in quotes",
    ),
    "a list as key": (
        "? [a]\n: 1\n",
        ", line 1: expected a key that is text, found a list or mapping; write it in quotes",
    ),
    "python": ("a: !!python/name:os.system", f", line 1: {VALUES}!!python/name:os.system"),
    "a set": ("a: !!set {b}", f", line 1: {VALUES}!!set"),
    "no int": ("a: !!int x", ", line 1: not yaml: 'x' is no int"),
    "an empty int": ("a: !!int ''", ", line 1: not yaml: '' is no int"),
    "no bool": ("a: !!bool x", ", line 1: not yaml: 'x' is no bool"),
    "no date": ("a: 2001-99-99", ", line 1: not yaml: '2001-99-99' is no timestamp"),
    "no float": ("a: ._", ", line 1: not yaml: '._' is no float"),
    "two documents": ("a: 1\n---\nb: 2\n", ", line 2: not yaml: but found another document"),
    "a tab": (
        "a:\n\t- b\n",
        ", line 2: not yaml: found character '\\t' that cannot start any token",
    ),
    "a null byte": ("a: 1\nb: \0\n", ", line 2: not yaml: found the character #x0000; remove it"),
    "latin-1": ("a: 1\nb: é\n".encode("latin-1"), ", line 2: not yaml: save the file as UTF-8"),
    "an open bracket": (
        "a: 1\nb: [1\n",
        ", line 3: not yaml: expected ',' or ']', but got '<stream end>'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_writes_is_refused_with_its_line(case, read, tmp_path):
    text, message = REFUSED[case]
    with pytest.raises(SettingError) as caught:
        read(text)
    assert str(caught.value) == f"{tmp_path / 'a.yaml'}{message}"


def test_what_a_person_writes_is_far_from_the_limits(read):
    text = "variants:\n" + "".join(f"- {{a: {i}, b: [{i}, x]}}\n" for i in range(2_000))
    assert len(read(text)["variants"]) == 2_000
    assert read("a: " + "[" * 28 + "]" * 28)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    message = f"{tmp_path / 'b.yaml'}: cannot be read: No such file or directory"
    with pytest.raises(SettingError, match=f"^{re.escape(message)}$"):
        yaml_file.read(tmp_path / "b.yaml")
    with pytest.raises(SettingError, match="cannot be read: Is a directory"):
        yaml_file.read(tmp_path)


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from recbole_ext.config import settings;"
        "assert not {'recbole', 'torch', 'pandas', 'numpy'} & set(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("code", "n_names"),
    [
        ("import yaml\nyaml.safe_load(text)", 1),
        ("import yaml\nyaml.load(text, Loader=yaml.FullLoader)", 2),
        ("from yaml import safe_load", 1),
        ("from yaml import load as read", 1),
        ("import yaml as y", 1),
        ("import yaml\nyaml.safe_dump(values)", 0),
        ("settings.load(file)", 0),
    ],
)
def test_a_reader_of_yaml_is_seen(code, n_names):
    assert len(yaml_readers(code)) == n_names


def yaml_readers(code: str) -> list[str]:
    """The names of PyYAML, but for those that write, and a PyYAML under another name."""
    names = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "yaml":
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [a.asname for a in node.names if a.name.startswith("yaml") and a.asname]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "yaml":
            names.append(node.attr)
    return [name for name in names if name not in {"dump", "safe_dump", "SafeDumper"}]


def test_no_other_module_reads_yaml():
    """One reader: another would take equal keys, and 1e-3 for a text."""
    for path in PACKAGE.rglob("*.py"):
        assert path.name == "yaml_file.py" or not yaml_readers(path.read_text()), path
