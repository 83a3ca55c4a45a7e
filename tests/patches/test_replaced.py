"""Functions that are replaced whole do what RecBole's do, but for the one thing that they mend."""

from types import SimpleNamespace

import pytest
import torch
from recbole.model.general_recommender.nais import NAIS
from recbole.trainer.trainer import AbstractTrainer, DecisionTreeTrainer, PretrainTrainer
from torch import nn

from recbole_ext.trainer import checkpoint


def both(owner, name):
    """Our function and RecBole's."""
    ours = vars(owner)[name]
    return ours, ours.__wrapped__


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (PretrainTrainer, "save_pretrained_model", (7, "here.pth")),
        (DecisionTreeTrainer, "_save_checkpoint", (7,)),
    ],
    ids=["pretrained", "trees"],
)
def test_the_same_state_is_saved(owner, name, arguments, monkeypatch):
    parts = {"state_dict": lambda: "parameters", "other_parameter": lambda: "others"}
    given = {"model": SimpleNamespace(**parts), "optimizer": SimpleNamespace(**parts)}
    given |= {"config": "config", "cur_step": 2, "best_valid_score": 0.5, "temp_best_file": "trees"}
    saved = []
    monkeypatch.setattr(checkpoint, "save", lambda *arguments: saved.append(arguments))
    monkeypatch.setattr(torch, "save", lambda *arguments: saved.append(arguments))
    ours, recboles = both(owner, name)
    one = SimpleNamespace(**given, saved_model_file="before.pth")
    other = SimpleNamespace(**given, saved_model_file="before.pth")
    ours(one, *arguments)
    recboles(other, *arguments)
    assert saved[0][:2] == saved[1]
    assert saved[0][2] is one
    assert one == other


def test_nais_starts_from_the_same_weights(monkeypatch):
    names = ("item_src_embedding", "item_dst_embedding")
    record = {"state_dict": {f"{name}.weight": torch.rand(5, 3) for name in names}}
    monkeypatch.setattr(checkpoint, "load", {"fism.pth": record}.__getitem__)
    monkeypatch.setattr(torch, "load", {"fism.pth": record}.__getitem__)
    ours, recboles = both(NAIS, "_load_pretrain")
    models = []
    for function in (ours, recboles):
        torch.manual_seed(1)
        layers = {name: nn.Embedding(5, 3) for name in names} | {"mlp_layers": nn.Linear(3, 2)}
        model = SimpleNamespace(**layers, pretrain_path="fism.pth")
        function(model)
        models.append(nn.ModuleDict({name: getattr(model, name) for name in layers}))
    one, other = (model.state_dict() for model in models)
    assert list(one) == list(other)
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    assert torch.equal(one["item_src_embedding.weight"], record["state_dict"][f"{names[0]}.weight"])


@pytest.mark.parametrize("single", [True, False])
def test_a_trainer_without_cuda_asks_for_no_device(single, monkeypatch):
    monkeypatch.setattr(
        torch.nn.parallel,
        "DistributedDataParallel",
        lambda model, device_ids=None: ("distributed", model, device_ids),
    )
    model, config = nn.Linear(2, 2), {"single_spec": single, "local_rank": 0}
    trainer = AbstractTrainer(config, model)
    assert trainer.config is config
    assert trainer.model is model
    if single:
        assert not hasattr(trainer, "distributed_model")
    else:
        assert trainer.distributed_model == ("distributed", model, None)
