"""A Ray cluster of two nodes, both on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from recbole_ext.patches.functions import libraries


@contextmanager
def two() -> Iterator[tuple[Any, Any]]:
    """Within this block: the cluster, of one core a node, and the node that is not the driver's."""
    from ray.cluster_utils import Cluster

    memory = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(libraries.RAY_PROCESS))  # as setuptools<82 would
        nodes = Cluster(initialize_head=True, head_node_args=memory)
        try:
            other = nodes.add_node(node_ip_address="127.0.0.2", **memory)
            nodes.wait_for_nodes()
            yield nodes, other
        finally:
            nodes.shutdown()
