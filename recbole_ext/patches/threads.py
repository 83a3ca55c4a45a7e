"""Patches of how torch's threads share the cores with other processes; group ``threads``."""

from recbole_ext.config import threads
from recbole_ext.patches.functions import crowded_cores
from recbole_ext.patches.patch import Patch

PATCHES = (
    Patch(
        name="usable-cores",
        target="torch:set_num_threads",
        kind="provide",
        group="threads",
        why="torch has a thread for each core of the machine, also where a container allows fewer.",
        function="recbole_ext.config.threads:keep_to_usable_cores",
        needed=threads.number_is_too_large,
    ),
    Patch(
        name="sleeping-threads",
        target="torch:get_num_threads",
        kind="provide",
        group="threads",
        why="Threads spin while they wait for each other: beside other processes, training takes "
        "many times as long.",
        function="recbole_ext.patches.functions.crowded_cores:watch",
        needed=crowded_cores.can_be_seen,
    ),
)
