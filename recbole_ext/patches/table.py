"""The one table of patches: every place where this package changes RecBole or a library.

How to add a patch
------------------
1. Write the row in the file of its group: ``release.py``, ``libraries.py``, ``bugs.py``,
   ``names.py``, ``checkpoints.py``, ``output.py``, ``speed.py`` (which also has group ``cache``),
   ``speed_of_models.py``, ``imports.py`` or ``threads.py``; group ``bugs`` also has
   ``evaluation.py``, ``files.py``, ``metrics.py`` and ``several_processes.py``::

       Patch(
           name="folder-race",
           target="recbole.utils.utils:ensure_dir",
           kind="replace",
           group="bugs",
           why="Of two processes that make saved/ at the same time, one fails.",
           function="recbole_ext.patches.functions.bugs:ensure_dir",
           sources={"1.2.1": "4ea3f5d9409e"},
       )

   A row that is for one release of RecBole alone names it: ``releases=("1.2.0",)``.
2. Write the function, in ``functions/``, with the arguments of RecBole's. Leave ``sources``
   empty at first: the error message then says which hash RecBole's function has.
3. For a function of more than 12 lines of code prefer ``kind="wrap"``, which calls RecBole's
   function, or ``kind="edit"``, which changes a few expressions of it.
4. Write the patch's own test. ``tests/patches/test_table.py`` is parametrised over the table
   and checks the rest; ``python -m recbole_ext.patches > docs/patches.md`` writes the page.

Patches are applied in the order of the table, each when its module has been imported
(``engine.py``). Importing the table imports neither RecBole nor torch.
"""

from recbole_ext.patches import (
    bugs,
    checkpoints,
    evaluation,
    files,
    imports,
    libraries,
    list_metrics,
    metrics,
    names,
    output,
    release,
    several_processes,
    speed,
    speed_of_models,
    threads,
)
from recbole_ext.patches.patch import Patch

TABLE: tuple[Patch, ...] = (
    *release.PATCHES,  # first: patches for both releases change what these have fixed
    *libraries.PATCHES,
    *bugs.PATCHES,
    *list_metrics.PATCHES,  # before evaluation: it sees the users that are evaluated alone
    *evaluation.PATCHES,
    *files.PATCHES,
    *metrics.PATCHES,
    *several_processes.PATCHES,
    *names.PATCHES,
    *checkpoints.PATCHES,
    *output.PATCHES,
    *speed.PATCHES,
    *speed_of_models.PATCHES,
    *imports.PATCHES,
    *threads.PATCHES,
)

BY_NAME: dict[str, Patch] = {patch.name: patch for patch in TABLE}
