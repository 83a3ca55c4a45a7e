"""RecVAE without the gradients that nobody uses: every bit of a run stays."""

import copy

import pytest
import torch
from recbole.model.general_recommender.recvae import RecVAE

from recbole_ext.patches.functions import recvae
from tests import runs
from tests.patches.switch import switched_off

SMALL = {"hidden_dimension": 40, "latent_dimension": 12, "train_batch_size": 8, "epochs": 3}


def prepare(**settings):
    return runs.prepare("RecVAE", **{**runs.RANKING, **SMALL, **settings})


def everything(run):
    """What a run leaves: losses, metrics, weights and the state of both optimizers."""
    metrics = run.trainer.evaluate(run.test, load_best_model=False)
    optimizers = (run.trainer.optimizer_encoder, run.trainer.optimizer_decoder)
    states = [state for of in optimizers for state in of.state_dict()["state"].values()]
    tensors = [*run.model.state_dict().values(), *(x for state in states for x in state.values())]
    return dict(run.trainer.train_loss_dict), dict(metrics), tensors


def assert_equal(one, other):
    assert one[:2] == other[:2]
    assert len(one[2]) == len(other[2])
    assert all(map(torch.equal, one[2], other[2]))


# --- the same results -----------------------------------------------------------------------

RUNS = {
    "defaults": {"hidden_dimension": 600, "latent_dimension": 200, "train_batch_size": 2048},
    "some batches": {},
    "a batch of one user": {"train_batch_size": 29},
    "no pass of the encoder": {"n_enc_epochs": 0, "n_dec_epochs": 2},
    "no pass of the decoder": {"n_enc_epochs": 2, "n_dec_epochs": 0},
    "passes": {"n_enc_epochs": 2, "n_dec_epochs": 3},
    "a fixed weight of the prior": {"gamma": 0.0, "beta": 0.3},
    "weight decay": {"weight_decay": 0.01},
    "clipped": {"clip_grad_norm": {"max_norm": 0.5}},
    "half precision": {"enable_amp": True},
}


@pytest.mark.parametrize("settings", RUNS.values(), ids=RUNS)
def test_losses_metrics_and_weights_are_recboles(settings, ratings):
    def trained():
        run = prepare(**settings)
        run.fit()
        return everything(run)

    ours = trained()
    with switched_off("recvae-halves"):
        assert_equal(ours, trained())


def test_a_resumed_run_is_recboles(ratings):
    first = prepare(epochs=2)
    first.trainer.fit(first.train, first.valid, saved=True, verbose=False)

    def resumed():
        run = prepare(epochs=4)
        # the one that RecBole saves; it begins with another, which refuses the state
        run.trainer.optimizer = run.trainer.optimizer_decoder
        run.trainer.resume_checkpoint(first.trainer.saved_model_file)
        assert run.trainer.start_epoch > 0
        run.fit()
        return everything(run)

    ours = resumed()
    assert len(ours[0]) > 1  # epochs
    with switched_off("recvae-halves"):
        assert_equal(ours, resumed())


# --- what is left out -----------------------------------------------------------------------


def gradients(of):
    return [parameter.grad is not None for parameter in of.parameters()]


def batch_of(run, optimizer):
    run.model.train()
    run.model.update_prior()
    run.trainer.optimizer = optimizer
    return next(iter(run.train))


def losses(run):
    """Both losses of a batch, and which half each has gradients of."""
    model, trainer = run.model, run.trainer
    for loss, optimizer in (
        (recvae.encoder_loss, trainer.optimizer_encoder),
        (recvae.decoder_loss, trainer.optimizer_decoder),
    ):
        model.zero_grad()
        loss(trainer, batch_of(run, optimizer)).backward()
        yield [half for half in ("encoder", "decoder") if any(gradients(getattr(model, half)))]
        assert all(gradients(model.encoder)) == any(gradients(model.encoder))


def test_each_pass_has_the_gradients_of_its_half_alone(ratings):
    assert list(losses(prepare())) == [["encoder"], ["decoder"]]


def a_subclass(run):
    run.model.__class__ = type("Mine", (RecVAE,), {"__module__": __name__})


READERS = {
    "clip_grad_norm": lambda run: setattr(run.trainer, "clip_grad_norm", {"max_norm": 1.0}),
    "amp": lambda run: setattr(run.trainer, "enable_amp", True),
    "scaler": lambda run: setattr(run.trainer, "enable_scaler", True),
    "several processes": lambda run: run.config.final_config_dict.update(single_spec=False),
    "another model": a_subclass,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_all_gradients_are_there_where_somebody_may_read_them(read, ratings):
    run = prepare()
    read(run)
    encoded = count_calls(run.model.prior.encoder_old)
    assert list(losses(run)) == [["encoder", "decoder"]] * 2
    assert len(encoded) == 2


def test_a_parameter_of_both_halves_is_trained_in_both(ratings):
    run = prepare(latent_dimension=40)
    run.model.decoder.weight = torch.nn.Parameter(run.model.encoder.fc1.weight.detach().T.clone())
    shared = run.model.decoder.weight
    run.trainer.optimizer_encoder.add_param_group({"params": [shared]})
    encoder, _ = losses(run)
    assert encoder == ["encoder", "decoder"]


# --- encoded once ---------------------------------------------------------------------------


def count_calls(module):
    calls = []
    module.fc1.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_the_prior_does_not_encode_in_a_pass_of_the_decoder(ratings):
    run = prepare(n_enc_epochs=2, n_dec_epochs=3)
    own, priors = count_calls(run.model.encoder), count_calls(run.model.prior.encoder_old)
    run.trainer._train_epoch(run.train, 0)
    batches = len(run.train)
    assert batches > 1
    assert (len(own), len(priors)) == (5 * batches, 2 * batches)


# --- afterwards -----------------------------------------------------------------------------


def test_an_exception_leaves_the_model_as_it_was(ratings, monkeypatch):
    run = prepare()
    before = {name: p.requires_grad for name, p in run.model.named_parameters()}
    assert set(before.values()) == {True, False}
    attributes = [set(vars(module)) for module in run.model.modules()]
    hooks = [len(module._forward_hooks) for module in run.model.modules()]
    seen = []

    def fails(*_, encoder_flag):
        seen.append({name: p.requires_grad for name, p in run.model.named_parameters()})
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RecVAE, "calculate_loss", fails)
        for loss, optimizer in (
            (recvae.encoder_loss, run.trainer.optimizer_encoder),
            (recvae.decoder_loss, run.trainer.optimizer_decoder),
        ):
            with pytest.raises(KeyboardInterrupt):
                loss(run.trainer, batch_of(run, optimizer))
    assert before not in seen
    assert {name: p.requires_grad for name, p in run.model.named_parameters()} == before
    assert [set(vars(module)) for module in run.model.modules()] == attributes
    assert [len(module._forward_hooks) for module in run.model.modules()] == hooks


def test_what_a_user_has_frozen_stays_frozen(ratings):
    run = prepare()
    run.model.encoder.fc1.requires_grad_(False)
    run.model.decoder.bias.requires_grad_(False)
    frozen = [p.requires_grad for p in run.model.parameters()]
    run.trainer._train_epoch(run.train, 0)
    assert [p.requires_grad for p in run.model.parameters()] == frozen


def test_a_trained_model_is_copied_and_evaluated_as_ever(ratings):
    run = prepare()
    run.fit()
    twin = copy.deepcopy(run.model)
    users = next(iter(run.train))
    for model in (run.model, twin):
        model.eval()
    assert torch.equal(run.model.full_sort_predict(users), twin.full_sort_predict(users))
    assert twin.state_dict().keys() == prepare().model.state_dict().keys()
