"""What every model must do, whoever has written it; one test for each clause.

    from recbole_ext.testing import ModelContract

    class TestMyModel(ModelContract):
        model = "my_model.py:MyModel"      # from the folder of the test; or the class, or a name
        settings = {"embedding_size": 8}

pytest finds the clauses as methods of ``TestMyModel``. A clause that fails says what is wrong with
the model. Each trains the model on a data set of 24 users and 24 items (board.py), in a folder that
is gone afterwards.
"""

import inspect
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch

from recbole_ext.registry import keys, model_parts, models
from recbole_ext.testing import board, measures, scored
from recbole_ext.trainer import single_run
from recbole_ext.trainer.single_run import Run

_RIGHT = 0.9  # of the pairs of items on the checkerboard


class ModelContract:
    """The tests of one model.

    Attributes:
        model: ``my_model.py:MyModel``, from the folder of the test's file; a module and a class; a
            name; or the class itself.
        settings: of its runs, over its defaults; small sizes make the tests fast.
        checkerboard: of the run that learns the checkerboard, over ``settings``, or several, which
            are tried until one learns it; None for a model that is not made to learn it.
        ratings: whether the model is trained on ratings; None for what its class says.
    """

    model: ClassVar[str | type]
    settings: ClassVar[dict[str, Any]] = {}
    checkerboard: ClassVar[dict[str, Any] | Sequence[dict[str, Any]] | None] = (
        {"epochs": 100, "learning_rate": 0.02},
        {"epochs": 200, "learning_rate": 0.005},
        {"epochs": 30, "learning_rate": 0.005},  # before sequences are learnt by heart
    )
    ratings: ClassVar[bool | None] = None

    # --- the clauses ------------------------------------------------------------------------

    def test_the_loss_is_finite(self) -> None:
        """Every loss of two epochs is a number."""
        with self._folder():
            run = self._run()
            try:
                run.fit(saved=False)
            except ValueError as error:
                if "nan" not in str(error):
                    raise
                raise AssertionError(self._says("its loss is nan in the first epochs")) from error
            for epoch, loss in run.trainer.train_loss_dict.items():
                parts = loss if isinstance(loss, tuple) else (loss,)
                assert all(math.isfinite(part) for part in parts), self._says(
                    f"the loss of epoch {epoch + 1} is {loss}, expected a finite number"
                )

    def test_every_parameter_gets_a_gradient(self) -> None:
        """In two epochs, each parameter that is to be trained has a gradient that is not zero."""
        with self._folder():
            run = self._run()
            if run.config["MODEL_TYPE"].name == "TRADITIONAL":
                return  # computed, not trained by gradients
            moved: set[str] = set()
            trained = {n: p for n, p in run.model.named_parameters() if p.requires_grad}
            for name, parameter in trained.items():
                parameter.register_hook(measures.note(moved, name))
            run.fit(saved=False)
            still = [name for name in trained if name not in moved]
            them = "it" if len(still) == 1 else "them"
            assert not still, self._says(
                f"no gradient reaches {measures.listed(still)}: the loss does not depend on "
                f"{them}; use {them} in calculate_loss or remove {them}"
            )

    def test_predict_is_full_sort_predict(self) -> None:
        """Pair by pair or all items at once, a score is the same."""
        with self._folder():
            run = self._trained()
            of = scored.rows(run)
            whole = scored.at_once(run, of)
            if whole is None:
                return  # RecBole asks predict for every pair
            n_items = run.dataset.item_num
            assert whole.shape == (len(of.users), n_items), self._says(
                f"full_sort_predict gives {whole.shape[1]} scores for a user, expected {n_items}: "
                "one for each item, the padding item included"
            )
            pairs = scored.by_pairs(run, of)
            apart = float((whole - pairs).abs().max())
            meaning = (
                "and order the items otherwise: rankings of all items and of some are of two models"
            )
            if measures.same_order(whole, pairs):
                meaning = (
                    "in the same order: rankings agree, scores do not (a sigmoid in one of them?)"
                )
            assert torch.allclose(whole, pairs, rtol=1e-4, atol=1e-5), self._says(
                f"predict and full_sort_predict differ by up to {apart:.3g} for the same user and "
                f"item, {meaning}"
            )

    def test_the_same_seed_gives_the_same_result(self) -> None:
        """Two runs with one seed have the same losses and scores."""
        with self._folder():
            losses, results = [], []
            for _ in range(2):
                run = self._trained()
                losses.append(run.trainer.train_loss_dict)
                results.append(scored.scores(run))
        assert measures.same_losses(*losses), self._says(
            f"two runs with one seed have the losses {[*losses[0].values()]} and "
            f"{[*losses[1].values()]}: it draws from random numbers that the seed does not set"
        )
        assert measures.same(*results), self._says(
            "two runs with one seed give other scores: it draws from random numbers that the seed "
            "does not set"
        )

    def test_a_checkpoint_gives_the_same_scores(self) -> None:
        """A model that is loaded from its checkpoint scores as the one that was saved."""
        from recbole.quick_start import load_data_and_model
        from recbole.utils import get_trainer

        with self._folder():
            run = self._run()
            run.fit()
            run.trainer.evaluate(run.test, load_best_model=True, show_progress=False)
            expected = scored.scores(run)
            file = run.trainer.saved_model_file
            config, model, dataset, train, valid, test = load_data_and_model(file)
            trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
            loaded = scored.scores(Run(config, dataset, train, valid, test, model, trainer))
        assert measures.same(expected, loaded), self._says(
            "the model that a checkpoint gives has other scores than the one that was saved: it "
            "predicts by something that is neither a parameter nor a buffer; register_buffer keeps "
            "it, or name it in other_parameter_name"
        )

    def test_the_padding_id_is_harmless(self) -> None:
        """Scores are numbers, those of the id 0 too, and no training batch has it."""
        with self._folder():
            run = self._run()
            fields = [run.dataset.uid_field, run.dataset.iid_field]
            fields += [run.config["NEG_PREFIX"] + run.dataset.iid_field]
            for batch in measures.batches(run):
                for field in fields:
                    ids = batch[field] if field in batch.columns else torch.ones(1)
                    assert int(ids.min()) > 0, self._says(
                        f"its training batches have the padding id 0 as a {field}: it learns from "
                        "a user or an item that does not exist"
                    )
            run.fit(saved=False)
            values = scored.scores(run)
            assert torch.isfinite(values).all(), self._says(
                "its scores are not all numbers, some are nan or infinite"
            )
            result = run.trainer.evaluate(run.test, load_best_model=False, show_progress=False)
            assert all(math.isfinite(value) for value in result.values()), self._says(
                f"its metrics are no numbers: {dict(result)}"
            )

    def test_training_sees_training_rows_alone(self) -> None:
        """Another interaction in the test part changes no loss."""
        losses = []
        for planted in (False, True):
            with self._folder(planted):
                losses.append(self._trained().trainer.train_loss_dict)
        assert measures.same_losses(*losses), self._says(
            f"the losses were {[*losses[0].values()]} and became {[*losses[1].values()]} when one "
            "interaction of the test part was changed: it trains on what it is tested on"
        )

    def test_the_checkerboard_is_learnt(self) -> None:
        """Items of a user's own colour come before the others, those that the user has left out."""
        if self.checkerboard is None:
            return
        tried = self.checkerboard
        share = 0.0
        for more in [tried] if isinstance(tried, dict) else tried:
            with self._folder():
                run = self._run(eval_step=0, **more)
                run.fit(saved=False)
                share = max(share, measures.right_pairs(run))
            if share > _RIGHT:
                break
        assert share > _RIGHT, self._says(
            f"after training, items of the user's own kind come before others in {share:.0%} of "
            f"the pairs, expected more than {_RIGHT:.0%}: it does not learn who likes what; if it "
            "only learns slowly, set checkerboard = {'epochs': ..., 'learning_rate': ...}"
        )

    # --- for programs -----------------------------------------------------------------------

    @classmethod
    def clauses(cls) -> list[str]:
        """The names of the tests."""
        return [name for name in vars(ModelContract) if name.startswith("test_")]

    # --- runs -------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the model, which is known from here on."""
        if isinstance(self.model, type):
            return models.register(self.model).__name__
        return keys.check_model(self.model, "model: ", Path(inspect.getfile(type(self))).parent)

    def _says(self, sentence: str) -> str:
        return f"{self.name}: {sentence}"

    @property
    def _has_ratings(self) -> bool:
        return model_parts.needs_ratings(self.name) if self.ratings is None else self.ratings

    @contextmanager
    def _folder(self, planted: bool = False) -> Iterator[None]:
        """Within this block a folder with the data set is the current one, and gone afterwards."""
        _ = self.name  # files are named from the folder in which the test was started
        before = Path.cwd()
        with tempfile.TemporaryDirectory() as folder:
            board.write(Path(folder) / "dataset", self._has_ratings, planted)
            os.chdir(folder)
            try:
                yield
            finally:
                os.chdir(before)

    def _run(self, **more: Any) -> Run:
        """A run of two epochs, before training."""
        rated = model_parts.needs_ratings(self.name)
        given: dict[str, Any] = {
            **board.SETTINGS,
            **(board.RATED if rated else board.RANKED),
            "data_path": "dataset",
            "epochs": 2,
            "train_batch_size": 64,
            **measures.columns(self.name),
            **self.settings,
            **more,
        }
        if rated:
            given["eval_args"] = {**given["eval_args"], "mode": "labeled"}
        return single_run.prepare(self.name, board.NAME, given)

    def _trained(self) -> Run:
        run = self._run()
        run.fit(saved=False)
        return run
