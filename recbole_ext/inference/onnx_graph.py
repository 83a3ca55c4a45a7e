"""An ONNX graph, written operator by operator.

torch.onnx would trace the networks, but needs another library for each of its two ways, and writes
other graphs from release to release. Ours have few operators, which all runtimes know.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

OPSET = 17  # the first with LayerNormalization; of 2022
IR_VERSION = 8  # of the same release
_MOST_BYTES = 2**31 - 1  # of a file of protocol buffers

Value = str  # the name of what an operator has computed


class Graph:
    """Operators that are computed one after the other."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self.n_bytes = 0

    def input(self, name: str, dtype: Any, shape: Sequence[str | int]) -> Value:
        """An input of the graph.

        Args:
            name: of it.
            dtype: numpy's.
            shape: a word is a size that may differ from call to call.
        """
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def constant(self, value: Tensor | np.ndarray | float | Sequence[int]) -> Value:
        """Numbers: float32, or int64 where they are integers."""
        from onnx import numpy_helper

        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        self.n_bytes += array.nbytes
        return name

    def __call__(self, operator: str, *inputs: Value, **attributes: Any) -> Value:
        """The result of an operator of ONNX."""
        from onnx import helper

        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def serialized(
        self, result: Value, name: str, shape: Sequence[str | int], metadata: Mapping[str, str]
    ) -> bytes:
        """The file of the graph, checked by onnx.

        Args:
            result: becomes the output, float32.
            name: of the output.
            shape: of the output.
            metadata: kept in the file.
        """
        import onnx
        from onnx import helper

        if self.n_bytes > _MOST_BYTES:
            raise OverflowError(f"{self.n_bytes:,} bytes")
        output = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        nodes = [*self._nodes, helper.make_node("Identity", [result], [name])]
        graph = helper.make_graph(
            nodes, "recommender", self._inputs, [output], initializer=self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="recbole_ext",
        )
        helper.set_model_props(model, dict(metadata))
        content = model.SerializeToString()
        onnx.checker.check_model(content, full_check=True)
        return content
