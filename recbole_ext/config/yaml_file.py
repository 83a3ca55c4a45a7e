"""The one reader of yaml files: RecBole's numbers, and nothing in silence.

RecBole reads ``1e-3`` as a number, which YAML 1.1 calls a text. PyYAML keeps the last of two equal
keys, and expands merged aliases without a limit. This reader knows RecBole's numbers, refuses
equal keys, and refuses whatever no person writes: aliases that expand to very many values, deep
nesting, tags such as ``!!python/name``, keys that are no text.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from recbole_ext.errors import SettingError

# Far above what a person writes, and low enough that a file at the limit takes half a second.
_MOST_BYTES = 250_000
_MOST_VALUES = 20_000  # keys, values, lists and mappings; an alias counts as what it stands for
_DEEPEST = 30
_LONGEST_NUMBER = 100  # characters of whatever is not a text

_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + kind for kind in ("null", "bool", "int", "float", "timestamp", "str", "seq", "map")}
_TEXT, _MERGE = _TAG + "str", _TAG + "merge"

# RecBole's own, of ``Config._build_yaml_loader``
_FLOAT = re.compile(
    r"""^(?:
     [-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)
    |\.[0-9_]+(?:[eE][-+][0-9]+)?
    |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)


def read(file: Path) -> dict[str, Any]:
    """The keys and values of a yaml file.

    Args:
        file: UTF-8, at most 250 kB, one document of ``key: value`` lines.

    Raises:
        SettingError: the file cannot be read, is no yaml, has no keys, names a key twice, or
            holds what no person writes. The message begins with the file and the line.
    """
    try:
        if file.exists() and not (file.is_file() or file.is_dir()):  # a pipe may never end
            raise SettingError(f"{file}: cannot be read: expected a file, found a pipe or device")
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SettingError(f"{file}: cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise SettingError(f"{file}: expected at most {_MOST_BYTES:,} bytes of yaml, found more")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingError(f"{file}, line {line}: not yaml: save the file as UTF-8") from error
    try:
        return _Loader(text).read_mapping()
    except _RefusalError as refusal:
        raise SettingError(f"{file}, line {refusal.line}: {refusal}") from refusal
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"the character #x{error.character:04x}"
        message = f"{file}, line {line}: not yaml: found {character}; remove it"
        raise SettingError(message) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}" if mark else ""
        raise SettingError(f"{file}{place}: not yaml: {error.problem}") from error


class _RefusalError(Exception):
    """What is wrong, and the line (from 1) where it stands."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, checking each node as it is composed: before anything is expanded."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.n_values = 0
        self.sizes: dict[Node, int] = {}  # with all that is inside; none for a node being composed

    def read_mapping(self) -> dict[str, Any]:
        """The one document.

        Raises:
            _RefusalError: it is no mapping, or holds something that is refused.
            yaml.YAMLError: it is no yaml.
        """
        node = self.get_single_node()
        if not isinstance(node, MappingNode):
            found = "a list" if isinstance(node, SequenceNode) else "a single value"
            problem = f"expected lines of `key: value`, found {found if node else 'nothing'}"
            raise _RefusalError(_line(node) if node else 1, problem)
        mapping: dict[str, Any] = self.construct_document(node)
        return mapping

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """A node that has passed the checks."""
        event = self.peek_event()
        line = int(event.start_mark.line) + 1
        is_alias = self.check_event(yaml.AliasEvent)
        before = self.n_values
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _RefusalError(line, f"expected at most {_DEEPEST} levels of nesting, found more")
        self.n_values += not is_alias
        node = super().compose_node(parent, index)
        self.depth -= 1
        if node is None:
            return None
        if not is_alias:
            self._check(node)
            self.sizes[node] = self.n_values - before
        elif node in self.sizes:
            self.n_values += self.sizes[node]
        else:
            raise _RefusalError(line, f"expected no value inside itself, found *{event.anchor}")
        if self.n_values > _MOST_VALUES:
            problem = f"expected at most {_MOST_VALUES:,} values, aliases expanded, found more"
            raise _RefusalError(line, problem)
        return node

    def _check(self, node: Node) -> None:
        if node.tag not in _TAGS and node.tag != _MERGE:
            kind = node.tag.replace(_TAG, "!!")
            raise _RefusalError(
                _line(node), f"expected a text, number, list or mapping, found {kind}"
            )
        if isinstance(node, ScalarNode) and node.tag != _TEXT:
            if len(node.value) > _LONGEST_NUMBER:
                problem = f"expected at most {_LONGEST_NUMBER} digits, found {len(node.value):,}"
                raise _RefusalError(_line(node), problem)
        elif isinstance(node, MappingNode):
            self._check_keys(node)

    def _check_keys(self, mapping: MappingNode) -> None:
        lines: dict[str, int] = {}
        for key, _ in mapping.value:
            if key.tag not in (_TEXT, _MERGE):
                name = key.value if isinstance(key, ScalarNode) else "a list or mapping"
                problem = f"expected a key that is text, found {name}; write it in quotes"
                raise _RefusalError(_line(key), problem)
            if key.value in lines:
                problem = f"{key.value}: the key is already in line {lines[key.value]}; keep one"
                raise _RefusalError(_line(key), problem)
            lines[key.value] = _line(key)

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        """The value of a node.

        Raises:
            _RefusalError: the text of a scalar is no value of its kind, as in ``!!int x``.
        """
        try:
            return super().construct_object(node, deep=deep)
        # what PyYAML's conversions let through
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            kind = node.tag.replace(_TAG, "")
            raise _RefusalError(_line(node), f"not yaml: {node.value!r} is no {kind}") from error


_Loader.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+0123456789."))
