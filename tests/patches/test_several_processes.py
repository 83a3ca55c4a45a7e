"""Several processes give the numbers of one; simulated one after another, and as real ones."""

import copy
import random
import weakref
from queue import SimpleQueue
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recbole_ext.errors import SettingError
from recbole_ext.patches.functions import several_processes
from recbole_ext.trainer import single_run
from tests import processes, runs

MODES = ("full", "uni3", "pop3", "labeled")


class Group:
    """A process group in one process: its members run one after another, the first one last."""

    def __init__(self, n: int) -> None:
        self.n, self.rank = n, 0
        self.parts = [None] * n
        self.first_states = None
        self.others = []  # the weights of another process, in the order in which they are compared

    def get_rank(self, group=None):
        return self.rank

    def get_world_size(self, group=None):
        return self.n

    def gather_object(self, value, parts, dst=0):
        self.parts[self.rank] = copy.deepcopy(value)
        if parts is not None:
            parts[:] = self.parts

    def broadcast_object_list(self, values, src=0):
        if self.rank and isinstance(values[0], tuple):
            values[0] = self.first_states

    def all_gather_object(self, values, value):
        values[:] = [value] * self.n

    def all_reduce(self, tensor, operation):
        if self.others:
            other = self.others.pop(0)
            tensor.copy_(torch.maximum(tensor, torch.stack([other, -other])))

    def barrier(self):
        pass

    def use(self, monkeypatch):
        for name in [name for name in dir(Group) if not name.startswith("__") and name != "use"]:
            monkeypatch.setattr(torch.distributed, name, getattr(self, name))
        return self


def by_simulated(n, run, loader, seed=7):
    """Metrics of a run's model by n simulated processes, the first of which has this seed."""
    with pytest.MonkeyPatch.context() as patch:
        group = Group(n).use(patch)
        np.random.seed(seed)
        group.first_states = random.getstate(), np.random.get_state(), torch.get_rng_state()
        run.config["single_spec"] = False
        try:
            for group.rank in reversed(range(n)):
                np.random.seed(seed + group.rank)
                before = np.random.get_state()[1].copy()
                result = run.trainer.evaluate(loader, load_best_model=False, show_progress=False)
                if group.rank:  # in training it goes on with draws of its own
                    assert (np.random.get_state()[1] == before).all()
        finally:
            run.config["single_spec"] = True
    return result


def loaders_of(n, config):
    """The loaders as a process of n has them."""
    with pytest.MonkeyPatch.context() as patch:
        Group(n).use(patch)
        config["single_spec"], config["world_size"] = False, n
        try:
            return single_run.load(config)[1]
        finally:
            config["single_spec"] = True


# --- simulated ------------------------------------------------------------------------------


@given(n_batches=st.integers(1, 30), n_processes=st.integers(1, 9))
@settings(deadline=None)
def test_the_shares_join_to_all_batches_in_order(n_batches, n_processes):
    shares = []
    for process in range(n_processes):
        walk = iter(range(n_batches))
        shares.append(list(several_processes.share(walk, n_batches, process, n_processes)))
        assert next(walk, None) is None  # all have been drawn
    assert [batch for part in shares for batch in part] == list(range(n_batches))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_shares_join_by_name_and_an_empty_one_has_no_rows():
    parts = [{"a": torch.tensor([[1, 2]])}, {}, {"a": torch.tensor([[3, 4], [5, 6]])}]
    joined = several_processes.join(parts)
    assert joined["a"].tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("mode", MODES)
@given(n_users=st.integers(3, 14), n=st.integers(2, 5), batch=st.sampled_from([1, 40, 90]))
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_each_metric_is_that_of_one_process(mode, tmp_path, n_users, n, batch):
    folder = runs.write_ratings(tmp_path / f"{n_users}", "made", n_users=n_users, n_items=11)
    model = "NeuMF" if mode == "labeled" else "BPR"  # which reads no labels
    job = processes.job(model, mode, eval_batch_size=batch)
    run = runs.prepare(**job, folder=folder, reproducibility=True)
    run.trainer.eval_collector.data_collect(run.train)
    np.random.seed(7)
    one = run.trainer.evaluate(run.test, load_best_model=False, show_progress=False)
    state = np.random.get_state()[1].copy()
    test = loaders_of(n, run.config)[2]
    assert test.sample_size == run.test.sample_size  # no row is dealt twice
    np.testing.assert_equal(by_simulated(n, run, test), one)  # AUC of one class is NaN
    assert (np.random.get_state()[1] == state).all()  # and goes on as one process does


def test_training_is_dealt_to_the_processes_and_evaluation_is_not(ratings):
    run = runs.prepare("BPR", train_batch_size=64)
    train, valid, test = loaders_of(2, run.config)
    assert isinstance(train.sampler, torch.utils.data.distributed.DistributedSampler)
    assert train.step == run.train.step // 2
    for loader in (valid, test):
        assert isinstance(loader.sampler, torch.utils.data.SequentialSampler)
        assert loader.step == run.config["eval_batch_size"] // run.dataset.item_num


@pytest.mark.parametrize("process", [0, 1])
def test_no_process_goes_on_before_the_checkpoint_is_whole(process, ratings, monkeypatch):
    run = runs.prepare("BPR")
    run.config["single_spec"], run.config["local_rank"] = False, process
    waits = []
    file = run.trainer.saved_model_file
    monkeypatch.setattr(
        torch.distributed, "barrier", lambda: waits.append(torch.load(file) if not process else {})
    )
    run.trainer._save_checkpoint(0, verbose=False)
    assert len(waits) == 1
    assert process or waits[0]["epoch"] == 0


class Model(torch.nn.Linear):
    cache = None

    def other_parameter(self):
        return {"cache": self.cache}


def test_one_model_in_all_processes(monkeypatch):
    group = Group(3).use(monkeypatch)
    model = Model(2, 1)
    model.cache = torch.ones(2)
    with torch.no_grad():
        model.weight[:], model.bias[:] = torch.tensor([0.5, -2.0]), 1.0
    same = [model.weight.detach(), model.bias.detach(), model.cache]
    group.others = [same[0] + torch.tensor([1e-6, 0.0]), *same[1:]]  # rounding
    several_processes.refuse_different_models(model)
    assert not group.others
    group.others = [same[0], same[1] - 0.01, same[2]]
    with pytest.raises(SettingError, match=r"Model .* 3 processes: .* a bias of its own .* 0.01"):
        several_processes.refuse_different_models(model)
    group.others = [same[0], same[1], torch.tensor([1.0, 4.0])]
    with pytest.raises(SettingError, match=r"a cache of its own .* up to 3\)"):
        several_processes.refuse_different_models(model)


def test_a_cache_that_some_processes_have_not_filled_is_not_compared(monkeypatch):
    group = Group(2).use(monkeypatch)
    model = Model(2, 1)
    model.cache = torch.ones(2)
    compared = []
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor, _: compared.append(tensor))

    def gather(values, value):
        values[:] = [value, {name: shape for name, shape in value.items() if name != "cache"}]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    several_processes.refuse_different_models(model)
    assert group.n == len(compared) == 2  # weight and bias


def test_an_optimiser_of_sparse_gradients_is_refused(ratings):
    from recbole.trainer import Trainer

    run = runs.prepare("NCFMLP", **runs.SMALL["NCFMLP"])
    run.config["single_spec"], run.config["learner"] = False, "sparse_adam"
    with pytest.raises(SettingError, match=r"learner: sparse_adam .* --nproc=1"):
        Trainer(run.config, run.model)


# --- starting processes ---------------------------------------------------------------------


def test_a_process_reports_what_is_wrong_with_the_input(monkeypatch):
    from recbole.quick_start import quick_start

    calls = []

    def run_recbole(*args, **kwargs):
        calls.append((args, kwargs["config_dict"]))
        raise SettingError("epochs: expected a number")

    monkeypatch.setattr(quick_start, "run_recbole", run_recbole)
    queue = SimpleQueue()
    with pytest.raises(SystemExit) as ending:
        quick_start.run_recboles(1, "BPR", "made", None, {"config_dict": {"a": 2}, "queue": queue})
    assert ending.value.code == 2
    assert calls == [(("BPR", "made", None), {"a": 2, "local_rank": 1})]
    assert str(queue.get(timeout=1)) == "epochs: expected a number"


def test_the_error_of_a_process_is_raised_as_it_was(monkeypatch):
    def fail(*_, **__):
        raise torch.multiprocessing.ProcessRaisedException("connection closed by peer", 1, 2)

    monkeypatch.setattr(torch.multiprocessing, "spawn", fail)
    queue = SimpleQueue()
    with pytest.raises(torch.multiprocessing.ProcessRaisedException):  # no fault of a user's
        several_processes.spawn(print, ({"queue": queue},), 2, True)
    queue.put(SettingError("epochs: expected a number"))
    with pytest.raises(SettingError, match="epochs"):
        several_processes.spawn(print, ({"queue": queue},), 2, True)


# --- real processes -------------------------------------------------------------------------

JOBS = [
    processes.job(model, mode)
    for model, mode in [
        *(("AutoRec", "labeled"), ("AutoRec", "full"), ("AutoRec", "uni5")),
        *(("NCFMLP", "full"), ("NCFMLP", "uni5"), ("NCFMLP", "labeled"), ("NCFNeuMF", "pop5")),
        *(("BPR", "full"), ("BPR", "uni5"), ("BPR", "pop5"), ("BPR", "labeled")),
        *(("NeuMF", "full"), ("NeuMF", "labeled"), ("LightGCN", "full"), ("LightGCN", "uni5")),
        *(("MultiVAE", "full"), ("MultiVAE", "pop5")),
    ]
]


# Of two processes: each mode once, by a model each.
OF_TWO = [
    processes.job(model, mode)
    for model, mode in [
        *(("AutoRec", "labeled"), ("NCFMLP", "full"), ("BPR", "uni5"), ("MultiVAE", "pop5")),
    ]
]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "several"), [(2, OF_TWO), (3, JOBS)], ids=["2", "3"])
def test_real_processes_measure_what_one_measures(n, several, tmp_path, monkeypatch):
    """29 users: two processes and three do not divide them; checkpoints take a while to save."""
    runs.write_ratings(tmp_path / "dataset", "made", n_users=29)
    results = processes.by_several(n, several, tmp_path / "results")
    monkeypatch.setattr(processes.WideRankingLoader, "scores", 64)
    for place, job in enumerate(several):
        one = processes.by_one(job, results[0][place]["file"])
        assert len({process[place]["score"] for process in results}) == 1
        for process in results:
            assert process[place]["metrics"] == pytest.approx(one, abs=1e-6), job


@pytest.mark.slow
def test_the_command_prints_what_evaluate_prints(ratings, forks):
    """One epoch: without the barrier, the second process finds no file."""
    words = (
        "--model=AutoRec",
        "--dataset=made",
        "--nproc=2",
        "--epochs=1",
        "--mlp_hidden_size=[5]",
    )
    port = f"--port={processes.free_port()}"
    several = forks.run("run_recbole", *words, port, "--show_progress=False")
    assert several.returncode == 0, several.stderr
    [file] = ratings.parent.glob("saved/*.pth")
    one = forks.run("recbole-ext", "evaluate", str(file))
    assert one.returncode == 0, one.stderr
    table = one.stdout.splitlines()[-4:]
    lines = several.stdout.splitlines()
    start = lines.index(table[0])
    assert lines[start : start + 4] == table


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--refeeding=1",), "each has learnt a net."),
        (("--learner=lbfgs", "--train_batch_size=64"), "learner: lbfgs tries several steps"),
    ],
)
def test_models_that_come_apart_are_refused_in_one_line(words, problem, ratings, forks):
    port = f"--port={processes.free_port()}"
    fixed = (
        "--model=AutoRec",
        "--dataset=made",
        "--nproc=2",
        "--epochs=2",
        "--mlp_hidden_size=[5]",
    )
    result = forks.run("run_recbole", *fixed, *words, port, "--show_progress=False")
    assert result.returncode == 2
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert problem in errors[0]
    assert "Traceback" not in result.stderr


def test_what_joins_the_processes_outlives_the_trainer(monkeypatch):
    """Dropping it may wait for gloo's threads, which may wait for the dropping one: for ever."""
    monkeypatch.setattr(several_processes, "_joined_models", [])

    class Joined:
        pass

    def build(several):
        trainer = SimpleNamespace()
        wrapped = lambda _: setattr(trainer, "distributed_model", Joined())  # noqa: E731
        config = {"single_spec": not several, "learner": "adam"}
        several_processes.build_trainer(wrapped, trainer, (config,), {})
        return weakref.ref(trainer.distributed_model)

    alone, joined = build(several=False), build(several=True)
    assert alone() is None
    assert joined() is not None
