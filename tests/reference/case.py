"""A small run of RecBole: its files and settings in, its parts, scores and metrics out."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from recbole_ext.cli.run_config import configure
from recbole_ext.errors import UserError
from recbole_ext.trainer import single_run
from tests.reference.reading import Row

SMALL: dict[str, dict[str, Any]] = {
    "AutoRec": {"mlp_hidden_size": [3], "train_batch_size": 4, "dropout_prob": 0.0},
    "NCFMLP": {"embedding_size": 3, "mlp_hidden_size": [3], "initialisation": "xavier"},
    "BPR": {"embedding_size": 3},
    "Pop": {},
    "ItemKNN": {"k": 3},
}


@dataclass(frozen=True)
class Case:
    """A run.

    Attributes:
        model: its name.
        files: suffix -> text; ``inter``, or ``a.inter`` and so on with ``benchmark_filename``.
        eval_args, metrics, topk: RecBole's settings.
        settings: further ones.
    """

    model: str
    files: Mapping[str, str]
    eval_args: Mapping[str, Any]
    metrics: tuple[str, ...]
    topk: tuple[int, ...] = (2,)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        default = "rating" if self.model == "AutoRec" else "label"
        return self.settings.get("LABEL_FIELD", default)

    def mode(self, phase: int) -> str:
        mode = self.eval_args["mode"]
        return mode if isinstance(mode, str) else mode[("valid", "test")[phase - 1]]

    def all_settings(self, folder: str) -> dict[str, Any]:
        columns = {
            suffix.split(".")[-1]: [name.split(":")[0] for name in text.splitlines()[0].split("\t")]
            for suffix, text in self.files.items()
        }
        return {
            "data_path": folder,
            "checkpoint_dir": f"{folder}/saved",
            "epochs": 2,
            "learning_rate": 0.1,
            "load_col": columns,
            "eval_args": dict(self.eval_args),
            "metrics": list(self.metrics),
            "topk": list(self.topk),
            "valid_metric": self.valid_metric,
            "metric_decimal_place": 12,
            "show_progress": False,
            "state": "CRITICAL",
            **SMALL[self.model],
            **self.settings,
        }

    @property
    def valid_metric(self) -> str:
        first = self.metrics[0]
        return first if first == "GAUC" or not self.ranks else f"{first}@{self.topk[0]}"

    @property
    def ranks(self) -> bool:
        return self.metrics[0] not in ("RMSE", "MAE", "AUC", "LogLoss")


@dataclass
class Outcome:
    """What a run did; ``refused`` or ``crashed`` where it ended in a message or a traceback.

    Attributes:
        parts: the rows of training, validation and test.
        catalogue: all items.
        results: validation and test -> metrics, None where there are none.
        scores: user -> item -> what a full ranking sorts by.
        predictions: (user, item) -> what ``predict`` says.
        dealt: user -> the candidates of a test with drawn negatives, in order.
    """

    refused: str = ""
    crashed: str = ""
    parts: list[list[Row]] = field(default_factory=list)
    catalogue: set[str] = field(default_factory=set)
    results: dict[int, dict[str, float] | None] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    predictions: dict[tuple[str, str], float] = field(default_factory=dict)
    dealt: dict[str, list[str]] = field(default_factory=dict)


def carry_out(case: Case) -> Outcome:
    """Run a case as ``run_recbole`` does, in this process."""
    with TemporaryDirectory(dir=".") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = Path(folder, "made")
        home.mkdir()
        for suffix, text in case.files.items():
            (home / f"made.{suffix}").write_bytes(text.encode())
        try:
            return _run(case, case.all_settings(folder))
        except UserError as error:
            return Outcome(refused=str(error).replace(folder, ""))
        except Exception as error:
            return Outcome(crashed=f"{type(error).__name__}: {error}")


def _run(case: Case, settings: dict[str, Any]) -> Outcome:
    from recbole.data.interaction import Interaction

    configure(case.model, "made", None, settings, tested=True)
    run = single_run.prepare(case.model, "made", settings)
    data, outcome = run.dataset, Outcome()
    users, items = data.field2id_token["user_id"], data.field2id_token["item_id"]
    outcome.catalogue = set(map(str, items[1:]))
    for loader in (run.train, run.valid, run.test):
        feat = loader._dataset.inter_feat
        label = feat[case.label].tolist() if case.label in feat.columns else None
        outcome.parts.append(
            [
                Row(str(users[u]), str(items[i]), {} if label is None else {case.label: label[n]})
                for n, (u, i) in enumerate(zip(feat["user_id"], feat["item_id"], strict=True))
            ]
        )
    _, valid = run.fit()
    deal = run.test.collate_fn

    def recorded(index: Any) -> Any:
        batch = deal(index)
        if case.mode(2)[:3] in ("uni", "pop"):
            for u, i in zip(batch[0]["user_id"], batch[0]["item_id"], strict=True):
                outcome.dealt.setdefault(str(users[u]), []).append(str(items[i]))
        return batch

    run.test.collate_fn = recorded
    outcome.results = {1: valid, 2: run.trainer.evaluate(run.test)}
    if not run.test:  # then RecBole has not loaded the best epoch either
        run.trainer.evaluate(run.valid)
    with torch.no_grad():
        run.model.eval()
        user_ids, item_ids = torch.arange(1, len(users)), torch.arange(len(items))
        all_scores = run.model.full_sort_predict(Interaction({"user_id": user_ids}))
        pairs = torch.cartesian_prod(user_ids, item_ids)
        pairs = {"user_id": pairs[:, 0].contiguous(), "item_id": pairs[:, 1].contiguous()}
        predicted = run.model.predict(Interaction(pairs)).view(len(user_ids), -1).tolist()
        for u, row in enumerate(all_scores.view(len(user_ids), -1).tolist()):
            user = str(users[u + 1])
            outcome.scores[user] = dict(zip(map(str, items[1:]), row[1:], strict=True))
            for item, value in zip(items[1:], predicted[u][1:], strict=True):
                outcome.predictions[user, str(item)] = value
    return outcome
