"""The protocols: how models are evaluated, the same way for all of them.

A protocol says which interactions are held out, what they are ranked against, and by which
metrics. `recbole-ext benchmark` runs the ``PROTOCOLS``, `recbole-ext evaluate` applies those
``OF_TRAINED_MODELS``, and `recbole-ext data split` and `data grid` write their data sets. In a
benchmark its settings win over those of the plan and of the models, so that no model can choose
its own evaluation.
"""

from pathlib import Path

from recbole_ext.errors import DataError
from recbole_ext.evaluator.protocol import DatasetRecipe, Protocol
from recbole_ext.registry import loading

SEED = 2020  # of the data sets, RecBole's default
NEGATIVES = 99  # of each held-out item; He et al., "Neural Collaborative Filtering", WWW 2017
GRID_TEST, GRID_VALID = 0.2, 0.05  # shares of the cells
TEST, VALID = 0.1, 0.05  # shares of the rows, or of the new users
FOLDS = 5

# What a protocol or the run decides; neither a plan nor a model may set it.
DECIDED = (
    *("eval_args", "metrics", "topk", "valid_metric", "valid_rmse_weight", "fixed_negatives"),
    *("seed", "data_path"),
)


def leave_one_out(negatives: int = NEGATIVES, seed: int = SEED) -> Protocol:
    """The protocol of He et al., "Neural Collaborative Filtering", WWW 2017, section 4.1.

    Args:
        negatives: items that each held-out item is ranked among, at least 1.
        seed: of their drawing.
    """
    return Protocol(
        f"the NCF paper's: each user's latest interaction is ranked among {negatives} items drawn "
        "once, the latest but one chooses the epoch",
        {
            "eval_args": {"mode": f"uni{negatives}"},
            "metrics": ["NDCG", "Hit"],
            "topk": [10],
            "valid_metric": "NDCG@10",
        },
        DatasetRecipe(
            "loo",
            ("split", "loo"),
            {"seed": seed, "negatives": negatives},
            "recbole_ext.data.leave_one_out:write",
        ),
    )


def grid(test: float = GRID_TEST, valid: float = GRID_VALID, seed: int = SEED) -> Protocol:
    """Every user-item cell with a label, 0 or 1; see ``recbole_ext.data.grid``.

    Args:
        test, valid: shares of the cells, in (0, 1).
        seed: of the split.
    """
    return Protocol(
        f"every user-item cell has a label, 0 or 1; {test:.0%} of the cells are tested, the same "
        "share of ones in each part",
        {
            "eval_args": {"mode": "labeled"},
            "metrics": ["AUC", "LogLoss", "RMSE"],
            "valid_metric": "AUC",
        },
        DatasetRecipe(
            "grid",
            ("grid",),
            {"test": test, "valid": valid, "seed": seed},
            "recbole_ext.data.grid:write",
        ),
        run_metrics=("MAE",),
        rating_models=False,
    )


# RecBole's default split.
_RANDOM = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"}

RATING = Protocol(
    "the ratings of RecBole's default split are predicted",
    {
        "metrics": ["RMSE", "MAE"],
        "valid_metric": "RMSE",
        "eval_args": {**_RANDOM, "mode": "labeled"},
    },
    rating_models=True,
)

RANKING = Protocol(
    "RecBole's default: a random tenth of each user's interactions is tested, another one "
    "chooses the epoch; all items that the user has not seen are ranked",
    {
        "metrics": ["NDCG", "Recall", "Hit", "MRR"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "eval_args": {**_RANDOM, "mode": "full"},
    },
)

_ALL_ITEMS = "all items that the user has not seen are ranked"


def temporal(test: float = TEST, valid: float = VALID) -> Protocol:
    """One point in time for all users; see ``recbole_ext.data.temporal``.

    Args:
        test, valid: shares of the rows, in (0, 1).
    """
    return Protocol(
        f"one point in time for all users: the latest {test:.0%} of the interactions are tested, "
        f"the {valid:.0%} before them choose the epoch, earlier ones are trained on; held-out rows "
        f"of users and items without a training row are left out; {_ALL_ITEMS}",
        {**RANKING.settings, "eval_args": {"mode": "full"}},
        DatasetRecipe(
            "temporal",
            ("split", "temporal"),
            {"test": test, "valid": valid},
            "recbole_ext.data.temporal:write",
        ),
    )


def k_fold(folds: int = FOLDS, valid: float = VALID, seed: int = SEED) -> Protocol:
    """Disjoint folds, each tested once; see ``recbole_ext.data.splits.kfold``.

    Args:
        folds: at least 2.
        valid: share of all rows, in (0, 1).
        seed: of the split.
    """
    return Protocol(
        f"{folds} disjoint folds of all interactions, each tested once by a model that is trained "
        f"on the others; {valid:.0%} of the interactions, from the others, choose the epoch; "
        f"{_ALL_ITEMS}",
        {**RANKING.settings, "eval_args": {"mode": "full"}},
        DatasetRecipe(
            f"seed{seed}",
            ("split", "kfold"),
            {"seed": seed, "folds": folds, "valid": valid},
            "recbole_ext.data.splits:write_kfold",
        ),
        folds=folds,
    )


def user_holdout(test: float = TEST, valid: float = VALID, seed: int = SEED) -> Protocol:
    """New users, whose histories are given at scoring; see ``recbole_ext.data.new_users``.

    Args:
        test: share of the users who are new, in (0, 1).
        valid: share of the other users' rows, in (0, 1).
        seed: of the split.
    """
    return Protocol(
        f"{test:.0%} of the users are new: models are trained on the others, and {valid:.0%} of "
        "their interactions choose the epoch; of a new user, four fifths of the interactions are "
        "given when the model scores, the others are tested; all items outside the given ones are "
        "ranked",
        {**RANKING.settings, "eval_args": {"mode": "full"}},
        DatasetRecipe(
            "users",
            ("split", "users"),
            {"seed": seed, "test": test, "valid": valid},
            "recbole_ext.data.new_users:write",
        ),
        new_users=True,
    )


GIVEN = Protocol(
    "the data set's own split (benchmark_filename in its yaml): its training, validation and test "
    f"file; {_ALL_ITEMS}",
    {**RANKING.settings, "eval_args": {"mode": "full"}},
    check="recbole_ext.data.given_split:check",
)

_IN_ORDER = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
NEXT_ITEM = Protocol(
    "each user's last item, by time, is tested, the one before chooses the epoch; all items that "
    "the user has not seen are ranked, by sequential models the seen ones, too",
    {**RANKING.settings, "eval_args": _IN_ORDER},
)

# Metrics beyond accuracy; the tail are the four fifths of the items that are the least popular.
_BEYOND_ACCURACY = ["ItemCoverage", "AveragePopularity", "TailPercentage"]
TAIL_RATIO = 0.8

BEYOND_ACCURACY = Protocol(
    "what is recommended, whether it is right or not: novelty, diversity, serendipity, popularity "
    f"bias; {_ALL_ITEMS}",
    {
        **RANKING.settings,
        "metrics": [
            *("Novelty", "IntraListDiversity", "Serendipity"),
            *(*_BEYOND_ACCURACY, "GiniIndex", "ShannonEntropy"),
        ],
        "valid_metric": "Novelty@10",
        "tail_ratio": TAIL_RATIO,
    },
)

# Of a benchmark, by their names in plans.
PROTOCOLS = {
    "default": Protocol(
        RANKING.description,
        {
            **RANKING.settings,
            "metrics": [*RANKING.settings["metrics"], *_BEYOND_ACCURACY],
            "tail_ratio": TAIL_RATIO,
        },
    ),
    "leave-one-out": leave_one_out(),
    "next-item": NEXT_ITEM,
    "rating": RATING,
    "grid": grid(),
    "temporal": temporal(),
    "k-fold": k_fold(),
    "user-holdout": user_holdout(),
    "given": GIVEN,
    "rating+ranking": Protocol(
        f"{RANKING.description}; ratings are tested, too; NDCG@10 less three times RMSE chooses "
        "the epoch",
        {**RANKING.settings, "valid_rmse_weight": 3.0},  # differences of RMSE are as much smaller
        rating_models=True,
        also=RATING,
    ),
}

# Those that can evaluate a model on the split that it was trained on, by their names.
OF_TRAINED_MODELS = {"rating": RATING, "ranking": RANKING, "beyond-accuracy": BEYOND_ACCURACY}


def data_set(protocol: str, source: str, fold: int = 1) -> str:
    """The name of the data set that a protocol, or a fold of it, is carried out on.

    Args:
        protocol: its name.
        source: the name of the data set that is split.
        fold: its number, from 1 on; only k-fold has several.
    """
    return PROTOCOLS[protocol].dataset_name(source, fold)


def prepare(protocol: str, source: str, data_path: Path) -> None:
    """Write those data sets of a protocol that do not exist yet.

    Args:
        protocol: one of ``PROTOCOLS``.
        source: the name of the data set that they are written from.
        data_path: the folder of data sets.

    Raises:
        DataError: the source does not exist or cannot be split in this way; or a data set of this
            name exists and was written with other options.
    """
    from recbole_ext.data import interaction_file

    entry = PROTOCOLS[protocol]
    if entry.check:
        loading.named(entry.check)(source, data_path)
    if entry.recipe is None:
        return
    folders = [
        data_path / entry.dataset_name(source, fold) for fold in range(1, (entry.folds or 1) + 1)
    ]
    if all(folder.is_dir() for folder in folders):
        for folder in folders:
            _check_options(folder, entry.recipe)
        return
    rows = interaction_file.read(interaction_file.locate(source, data_path))
    entry.write_dataset(rows, data_path)


def _check_options(folder: Path, recipe: DatasetRecipe) -> None:
    """Raise an error if a data set was written with other options than the protocol's."""
    from recbole_ext.data import dataset_folder

    manifest = dataset_folder.read_manifest(folder) or {}
    options = manifest.get("options") or {}
    for name, value in recipe.options.items():
        if name in options and options[name] != value:
            raise DataError(
                f"{folder}: was written with --{name} {options[name]}, expected {value}, which "
                "all runs of this protocol have; remove the folder, and the benchmark writes it"
            )
