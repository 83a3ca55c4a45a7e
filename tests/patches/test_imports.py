"""Group ``imports``: what a run does not use is not imported, and what it computes is the same."""

import importlib
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn import metrics as scikit

from recbole_ext.patches.functions import imports, no_compiler, processor_usage
from tests import runs

COMPILER = "torch._dynamo"
SCIKIT = "sklearn"

# Trains by each optimizer that RecBole has; prints the weights and what has been imported.
TRAINING = """
import json, sys
{first}
import recbole_ext, torch
from recbole.trainer import Trainer
def train(name):
    torch.manual_seed(1)
    net = torch.nn.Linear(3, 2)
    optimizer = getattr(torch.optim, name)(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.ones(4, 3)).square().sum().backward()
        optimizer.step()
    state = optimizer.state_dict()
    optimizer.add_param_group({{"params": [torch.zeros(1, requires_grad=True)]}})
    optimizer.load_state_dict({{**state, "param_groups": optimizer.state_dict()["param_groups"]}})
    return [net.weight.tolist(), torch.is_grad_enabled()]
names = ("Adam", "SGD", "Adagrad", "RMSprop", "AdamW", "Adadelta", "NAdam")
weights = {{name: train(name) for name in names}}
print(json.dumps([weights, sorted(set({modules}) & set(sys.modules))]))
"""


def python(code, **environment):
    """What a process of its own prints, as JSON."""
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def training(first="", **environment):
    modules = [COMPILER, SCIKIT, "scipy.stats", "setuptools"]
    return python(TRAINING.format(first=first, modules=modules), **environment)


# --- torch's compiler -----------------------------------------------------------------------


@pytest.mark.slow
def test_optimizers_compute_the_same_without_the_compiler():
    expected, imported = training(RECBOLE_EXT_DISABLE="imports")
    assert {COMPILER, SCIKIT} <= set(imported)
    assert all(grad for _, grad in expected.values())
    for first in ("", "import torch"):  # torch may have been imported before this package
        weights, imported = training(first)
        assert weights == expected
        assert imported == []


@pytest.mark.slow
def test_torch_is_as_it_was_once_the_compiler_is_imported():
    code = """
import json
import {first}, torch
from torch.optim import Adam, Optimizer
def codes():
    step = Adam.step
    return [step.__code__.co_names.count("torch._dynamo"), hasattr(Optimizer.zero_grad.__wrapped__,
            "__dynamo_disable")]
before = codes()
import torch._dynamo
after = codes()
net = torch.nn.Linear(3, 1)
optimizer = Adam(net.parameters(), lr=0.1)
seen = []
def step():
    optimizer.zero_grad()
    net(torch.ones(2, 3)).sum().backward()
    optimizer.step()
counter = torch._dynamo.testing.CompileCounter()
compiled = torch.compile(net, backend=counter)
compiled(torch.ones(2, 3)).sum().backward()
torch.compile(step, backend="eager")()
kept = Optimizer.zero_grad.__wrapped__
kept = getattr(kept, "__dynamo_disable", None) is kept
print(json.dumps([before, after, counter.frame_count, kept]))
"""
    (n_ours, ours), *rest = python(code.format(first="recbole_ext, torch._dynamo.testing as t"))
    assert (n_ours, ours) == (1, False)  # the compiler was there before: nothing was changed
    code = code.replace("import torch._dynamo\n", "import torch._dynamo.testing\n")
    (n_ours, ours), (n_after, after), n_frames, kept = python(code.format(first="recbole_ext"))
    assert (n_ours, ours) == (0, True)
    assert (n_after, after) == (1, False)
    assert n_frames == rest[1] == 1
    assert not kept


OTHER = """
def _use_grad_for_differentiable(func):
    def _use_grad(self):
        {first}
        return func(self)
    return _use_grad
class Optimizer:
    def zero_grad(self): return 2
class SGD(Optimizer):
    @_use_grad_for_differentiable
    def step(self): return 1
"""


@pytest.mark.parametrize("text", ["import torch._dynamo", "import torch._compiler"])
def test_an_optimizer_of_another_torch_is_left_as_it_is(text, tmp_path, monkeypatch):
    (tmp_path / "another_optim.py").write_text(OTHER.format(first=text))
    monkeypatch.syspath_prepend(str(tmp_path))
    optim = importlib.import_module("another_optim")
    code = optim.SGD.step.__code__
    no_compiler.until_it_is_imported(optim)
    assert list(no_compiler._hidden(optim.Optimizer)) == []
    assert list(no_compiler._steps(optim)) == [optim.SGD.step]
    assert optim.SGD.step.__code__ is code
    del sys.modules["another_optim"]


# --- scikit-learn ---------------------------------------------------------------------------


def test_metrics_call_scikit_learn():
    from recbole.evaluator import metrics

    draw = np.random.default_rng(5)
    trues, scores = draw.random(50), draw.random(50)
    assert metrics.mean_absolute_error(trues, scores) == scikit.mean_absolute_error(trues, scores)
    assert metrics.mean_squared_error(trues, scores) == scikit.mean_squared_error(trues, scores)
    x = np.sort(scores)
    assert metrics.sk_auc(x, trues) == scikit.auc(x, trues)
    assert metrics.mean_absolute_error([1.0, 3.0], [2.0, 5.0]) == 1.5


MODELS = """
import json, sys
import recbole_ext
sys.path.insert(0, {root!r})
from tests import runs
{first}
models = {{"SLIMElastic": {{}}, "NCEPLRec": {{"rank": 4}}}}
out, before = [], "sklearn" in sys.modules
for model, values in models.items():
    run = runs.prepare(model, **values, data_path={data!r}, epochs=1)
    out.append(run.fit_validated(saved=False)[1])
from sklearn.exceptions import ConvergenceWarning
from recbole.model.general_recommender import slimelastic
print(json.dumps([before, slimelastic.ConvergenceWarning is ConvergenceWarning, out]))
"""


def test_models_that_use_scikit_learn_import_it_then(ratings):
    """And find the same as where it was imported before; SLIMElastic silences its warning."""
    root = str(runs.__file__).rsplit("/tests/", 1)[0]
    late, silenced, found = python(MODELS.format(root=root, first="", data=str(ratings)))
    first = "import sklearn.linear_model, sklearn.metrics, sklearn.utils.extmath"
    before, _, expected = python(
        MODELS.format(root=root, first=first, data=str(ratings)), RECBOLE_EXT_DISABLE="imports"
    )
    assert (late, before, silenced) == (False, True, True)
    assert found == expected
    assert all(math.isfinite(value) for one in found for value in one.values())


def test_nothing_stands_in_for_a_library_that_is_there():
    assert SCIKIT in sys.modules
    assert imports.scikit_metrics() == imports.scikit_svd() == imports.scikit_elastic_net() == {}


# --- the log of a run -----------------------------------------------------------------------


def test_the_use_of_the_processor_is_measured_without_waiting(monkeypatch):
    from recbole.utils import utils

    intervals = []

    def percent(interval):
        intervals.append(interval)
        return 12.5

    monkeypatch.setattr(processor_usage.psutil, "cpu_percent", percent)
    table = utils.get_environment({"use_gpu": False, "device": torch.device("cpu")}).draw()
    assert intervals == [None]
    assert "12.50 %" in table
