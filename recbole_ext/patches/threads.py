"""Patches of how torch's threads share the cores with other processes; group ``threads``."""

from recbole_ext.config import threads
from recbole_ext.patches.patch import Patch

_OURS = "recbole_ext.config.threads"

PATCHES = (
    Patch(
        name="sleeping-threads",
        target="os:environ",
        kind="provide",
        group="threads",
        why="Threads spin while they wait for each other: beside other processes, training takes "
        "many times as long.",
        function=f"{_OURS}:wait_asleep",
        needed=threads.waiting_is_open,
        late=threads.torch_is_loaded,
    ),
    Patch(
        name="usable-cores",
        target="torch:set_num_threads",
        kind="provide",
        group="threads",
        why="torch has a thread for each core of the machine, also where a container allows fewer.",
        function=f"{_OURS}:keep_to_usable_cores",
        needed=threads.number_is_too_large,
    ),
)
