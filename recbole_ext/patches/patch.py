"""What a patch is: one function or one name of another package, and what stands there instead."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from recbole_ext.errors import UserError
from recbole_ext.registry import releases

Kind = Literal["replace", "wrap", "edit", "provide", "stand_in"]
Group = Literal[
    "release",
    "libraries",
    "bugs",
    "names",
    "checkpoints",
    "output",
    "speed",
    "cache",
    "imports",
    "threads",
]
State = Literal["active", "not needed", "waiting", "switched off", "does not fit"]

GROUPS: dict[Group, str] = {
    "release": "RecBole 1.2.0 gives the results of 1.2.1, and Ray is imported where it is used.",
    "libraries": "New versions of libraries broke RecBole; these patches make it run again.",
    "bugs": "Faults of RecBole itself.",
    "names": "RecBole finds our models, defaults, trainers, loaders, data sets and metrics.",
    "checkpoints": "Checkpoints hold tensors and plain values, and loading one executes nothing.",
    "output": "Commands show a run in a few lines; RecBole's log goes to its file.",
    "speed": "RecBole's Python loops are vectorised; the results are the same.",
    "cache": "A large data set is kept as RecBole has read it.",
    "imports": "A run imports, and waits for, only what it uses.",
    "threads": "Threads fit the cores that the process may use, and leave them while they wait.",
}

# Our models and commands call what these groups put into RecBole.
REQUIRED: tuple[Group, ...] = ("names", "checkpoints", "output")


class PatchError(UserError):
    """RecBole's code is not the code that a patch was written for."""


@dataclass(frozen=True)
class Edit:
    """A change of text inside a function.

    Attributes:
        old: the text in RecBole's source.
        new: the text that replaces it.
        times: how often ``old`` must occur; any other number is an error.
    """

    old: str
    new: str
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One row of the table.

    Attributes:
        name: unique; ``recbole-ext doctor`` and ``RECBOLE_EXT_DISABLE`` use it.
        target: ``module:Qualified.name`` of the function or name that is patched.
        kind: ``replace``, a short function is replaced whole by ``function``;
            ``wrap``, ``function(wrapped, instance, args, kwargs)`` runs around it (see wrapt);
            ``edit``, ``edits`` change the text inside a long function;
            ``provide``, ``function(module)`` puts a name there that RecBole looks for;
            ``stand_in``, ``function()`` returns modules that the target's module finds where it
            imports them at its head, unless the real ones have been imported (``stand_ins.py``).
        group: one of ``GROUPS``.
        why: what goes wrong or is slow without the patch, in one sentence.
        function: ``module:name`` of our function; not for ``edit``. It is imported when the
            patch is applied, so that the table needs neither torch nor RecBole.
        edits: for ``edit`` alone.
        uses: our modules that the new text of the edits refers to, by their full names.
        upstream: numbers of RecBole's issues and pull requests.
        needed: tells whether this environment has the problem; None for always.
        releases: RecBole's releases that the patch is for; none for all.
        sources: release of RecBole -> hash of the target's source. ``replace`` must have it, and
            any patch that repeats what RecBole's function does. Any of the hashes is accepted.
        after: the module whose import applies the patch; the target's own by default.
        requires: name of a patch that this one cannot do without; they are switched off together.
    """

    name: str
    target: str
    kind: Kind
    group: Group
    why: str
    function: str = ""
    edits: tuple[Edit, ...] = ()
    uses: tuple[str, ...] = ()
    upstream: tuple[int, ...] = ()
    needed: Callable[[], bool] | None = None
    releases: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    requires: str = ""

    @property
    def module(self) -> str:
        """The module that the target is in."""
        return self.target.split(":")[0]

    @property
    def qualified_name(self) -> str:
        """The target's name in its module."""
        return self.target.split(":")[1]

    @property
    def issues(self) -> str:
        """The upstream numbers as text: ``#2191 #2194``."""
        return " ".join(f"#{number}" for number in self.upstream)

    def is_needed(self) -> bool:
        """Whether it is for the installed release of RecBole, and this environment needs it."""
        if self.releases and releases.installed() not in self.releases:
            return False
        return self.needed is None or self.needed()
