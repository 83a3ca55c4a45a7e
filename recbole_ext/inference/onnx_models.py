"""AutoRec and NCF as ONNX graphs, with the expected results for some random inputs.

AutoRec    ratings [batch, C], nan where there is none -> scores [batch, C]: a row rebuilt. By
           users a row is a person and C are the items; by items a row is an item and C are the
           users.
NCF        user [batch], item [batch], places in user_ids and item_ids -> scores [batch]
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recbole_ext.inference.onnx_graph import Graph, Value
from recbole_ext.models.autorec import fold_in
from recbole_ext.models.autorec.adapter import AutoRec
from recbole_ext.models.autorec.heads import ClassHead
from recbole_ext.models.ncf.class_loss import Classes

_OPERATORS = {"sigmoid": "Sigmoid", "relu": "Relu", "selu": "Selu", "tanh": "Tanh"}
_MODULES = {nn.Sigmoid: "Sigmoid", nn.ReLU: "Relu", nn.Tanh: "Tanh"}

Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class OnnxModel:
    """A graph, and the scores to compare it with.

    Attributes:
        graph: of the model.
        result: the value in it that is the scores.
        shape: of the scores.
        says: a sentence that describes its inputs.
        draw: random numbers, B -> B random inputs.
        expected: inputs -> the scores of the model in torch.
    """

    graph: Graph
    result: Value
    shape: list[str | int]
    says: str
    draw: Callable[[np.random.Generator, int], Inputs]
    expected: Callable[[Inputs], np.ndarray]


# --- AutoRec --------------------------------------------------------------------------------


def of_autorec(model: AutoRec) -> OnnxModel:
    """AutoRec from a new row of ratings to the reconstructed row; see ``fold_in.of_rows``."""
    n_columns = model.ratings.n_columns - 1  # without the padding id
    graph = Graph()
    ratings = graph.input("ratings", np.float32, ["batch", n_columns])
    result = _rebuilt(graph, model, ratings)

    def draw(random: np.random.Generator, n: int) -> Inputs:
        levels = model.levels.cpu().numpy()
        rows = random.choice(levels, (n, n_columns)).astype(np.float32)
        most = min(50, n_columns) / n_columns
        rows[random.random(rows.shape) > random.uniform(0, most, (n, 1))] = np.nan
        rows[np.arange(n), random.integers(n_columns, size=n)] = levels[-1]  # none is empty
        return {"ratings": rows}

    def expected(inputs: Inputs) -> np.ndarray:
        rows = nn.functional.pad(torch.from_numpy(inputs["ratings"]), (1, 0), value=torch.nan)
        rows = rows.to(model.device)
        parts = model.predictor, model.dense, model.scale, rows.nan_to_num(), ~rows.isnan()
        return fold_in.of_rows(*parts)[0][:, 1:].cpu().numpy()

    row, column = ("person", "item") if model.by_user else ("item", "user")
    return OnnxModel(
        graph,
        result,
        ["batch", n_columns],
        f"ratings [batch, {n_columns}]: a row is the ratings of a {row}, in the order of "
        f"{column}_ids, nan where there is none; scores: the rating of each {column}",
        draw,
        expected,
    )


def _rebuilt(graph: Graph, model: AutoRec, ratings: Value) -> Value:
    net, scale, baseline = model.predictor, model.scale, model.scale.baseline
    zero = graph.constant(0.0)
    missing = graph("IsNaN", ratings)
    base = baseline.mean + baseline.columns[1:]
    centred = graph("Sub", ratings, graph.constant(base))
    added = graph.constant(base)
    if scale.bias_damping is not None:
        axis = graph.constant([1])
        total = graph("ReduceSum", graph("Where", missing, zero, centred), axis, keepdims=1)
        there = graph("Cast", graph("Not", missing), to=_FLOAT)
        count = graph("ReduceSum", there, axis, keepdims=1)
        damped = graph("Add", count, graph.constant(float(scale.bias_damping)))
        bias = graph("Div", total, graph("Max", damped, graph.constant(1e-9)))
        centred, added = graph("Sub", centred, bias), graph("Add", bias, added)
    if model.settings.standardise:
        centred = graph("Div", centred, graph.constant(float(baseline.deviation)))
    x = _with_padding(graph, graph("Where", missing, zero, centred))
    if model.dense.mask_input_scale:
        there = graph("Cast", graph("Not", missing), to=_FLOAT)
        mask = graph("Mul", there, graph.constant(float(model.dense.mask_input_scale)))
        x = graph("Concat", x, _with_padding(graph, mask), axis=1)
    if net.global_kernel is not None:  # the neighbours of a new row are empty
        size = net.global_kernel.size
        weight = net.global_kernel.kernel()[size // 2][None, None]
        one = graph.constant([1])
        pads = [size // 2, size // 2]
        x = graph("Conv", graph("Unsqueeze", x, one), graph.constant(weight), pads=pads)
        x = graph("Relu", graph("Squeeze", x, one))
    for layer in net.hidden_layers:
        x = _activated(graph, _linear(graph, x, layer), model.settings.hid_activation)
    x = _linear(graph, x, net.last_layer)
    if isinstance(net.head, ClassHead):
        shape = [-1, model.ratings.n_columns, net.head.n_scores]
        chances = graph("Softmax", graph("Reshape", x, graph.constant(shape)), axis=-1)
        x = graph("MatMul", chances, graph.constant(net.head.levels))
    else:
        x = _activated(graph, x, model.settings.out_activation)
    end = graph.constant([model.ratings.n_columns])
    x = graph("Slice", x, graph.constant([1]), end, graph.constant([1]))
    if model.settings.standardise:
        x = graph("Mul", x, graph.constant(float(baseline.deviation)))
    x = graph("Add", x, added)
    if scale.unseen_rating is not None:
        rating = graph.constant(float(scale.unseen_rating))
        unseen = graph("Cast", graph.constant(scale.unseen_columns[1:].long()), to=_BOOL)
        x = graph("Where", unseen, rating, x)
    return x


_FLOAT, _BOOL = 1, 9  # onnx.TensorProto's numbers of the types


def _with_padding(graph: Graph, x: Value) -> Value:
    """A column of zeros, RecBole's padding, before the others."""
    return graph("Pad", x, graph.constant([0, 1, 0, 0]))


def _linear(graph: Graph, x: Value, layer: Any) -> Value:
    return graph("Gemm", x, graph.constant(layer.matrix()), graph.constant(layer.bias), transB=1)


def _activated(graph: Graph, x: Value, name: str) -> Value:
    return x if name == "identity" else graph(_OPERATORS[name], x)


# --- NCF ------------------------------------------------------------------------------------


def of_ncf(model: Any) -> OnnxModel:
    """NCF's predictions for pairs of a user and an item of training; see models/ncf/net.py."""
    net, graph = model.predictor, Graph()
    user = graph.input("user", np.int64, ["batch"])
    item = graph.input("item", np.int64, ["batch"])

    def rows(table: Tensor, numbers: Value) -> Value:
        return graph("Gather", graph.constant(table[1:]), numbers)

    z = []
    if net.gmf_size:
        p, q = net.user_gmf_embedding(), net.item_gmf_embedding()
        z.append(graph("Mul", rows(p, user), rows(q, item)))
    if net.mlp_size:
        _, first, *rest = net.mlp_layers.mlp_layers
        w_user, w_item = first.weight.chunk(2, dim=1)
        p = net.user_embedding() @ w_user.T  # of each user once
        q = net.item_embedding() @ w_item.T + first.bias
        x = graph("Add", rows(p, user), rows(q, item))
        for module in rest:
            x = _of_module(graph, x, module)
        z.append(x)
    x = z[0] if len(z) == 1 else graph("Concat", *z, axis=1)
    x = _of_module(graph, x, net.predict_layer)
    if model.item_weights is not None:  # the user's items, and what each adds to the item
        everyone = torch.arange(net.n_users, device=model.device)
        baskets = model.item_weights.users.dense(everyone)[1].float()[:, 1:]
        of_item = rows(model.item_weights.matrix.T[:, 1:], item)
        products = graph("Mul", rows(baskets, user), of_item)
        ease = graph("ReduceSum", products, graph.constant([1]), keepdims=1)
        x = graph("Add", x, ease)
    result = _prediction(graph, x, model.objective.loss)

    def draw(random: np.random.Generator, n: int) -> Inputs:
        numbers = {"user": net.n_users - 1, "item": net.n_items - 1}
        return {name: random.integers(most, size=n) for name, most in numbers.items()}

    def expected(inputs: Inputs) -> np.ndarray:
        users, items = (torch.from_numpy(inputs[name] + 1) for name in ("user", "item"))
        pairs = {model.USER_ID: users.to(model.device), model.ITEM_ID: items.to(model.device)}
        return model.predict(pairs).cpu().numpy()

    says = (
        "user [batch] and item [batch]: places in user_ids and in item_ids, from 0 on; scores: of "
        "each pair"
    )
    return OnnxModel(graph, result, ["batch"], says, draw, expected)


def _of_module(graph: Graph, x: Value, module: nn.Module) -> Value:
    if isinstance(module, nn.Dropout):
        return x
    if isinstance(module, nn.Linear):
        weight, bias = graph.constant(module.weight), graph.constant(module.bias)
        return graph("Gemm", x, weight, bias, transB=1)
    if isinstance(module, nn.BatchNorm1d):
        assert module.running_mean is not None
        assert module.running_var is not None
        scale = module.weight * (module.running_var + module.eps).rsqrt()
        shift = module.bias - module.running_mean * scale
        return graph("Add", graph("Mul", x, graph.constant(scale)), graph.constant(shift))
    if isinstance(module, nn.LayerNorm):
        weight, bias = graph.constant(module.weight), graph.constant(module.bias)
        return graph("LayerNormalization", x, weight, bias, axis=-1, epsilon=module.eps)
    if isinstance(module, nn.LeakyReLU):
        return graph("LeakyRelu", x, alpha=module.negative_slope)
    return graph(_MODULES[type(module)], x)


def _prediction(graph: Graph, x: Value, loss: Any) -> Value:
    one = graph.constant([1])
    if not isinstance(loss, Classes):
        return graph("Squeeze", graph("Sigmoid", x), one)
    chances = graph("Softmax", x, axis=-1)
    end = graph.constant([loss.n_scores])
    if loss.predicts == "rated":
        unrated = graph("Slice", chances, graph.constant([0]), one, one)
        return graph("Squeeze", graph("Sub", graph.constant(1.0), unrated), one)
    rated = graph("Slice", chances, one, end, one)
    mean = graph("MatMul", rated, graph.constant(loss.levels))
    return graph("Div", mean, graph("ReduceSum", rated, one, keepdims=0))
