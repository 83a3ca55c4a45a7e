"""Patches by which a run imports, and waits for, only what it uses; group ``imports``."""

from recbole_ext.patches import conditions
from recbole_ext.patches.patch import Edit, Patch

_OURS = "recbole_ext.patches.functions.imports"
_GENERAL = "recbole.model.general_recommender"
_USAGE = "recbole_ext.patches.functions.processor_usage"

_SCIKIT_WHY = "RecBole imports scikit-learn and scipy.stats for {} alone: a second before any run."


PATCHES = (
    Patch(
        name="no-compiler",
        target="torch.optim:Optimizer",
        kind="provide",
        group="imports",
        why="torch's optimizers import its compiler, which takes two seconds, to tell it about "
        "themselves; as soon as somebody else imports it, they do so again.",
        function="recbole_ext.patches.functions.no_compiler:until_it_is_imported",
        needed=conditions.compiler_is_not_imported,
    ),
    Patch(
        name="metrics-imports",
        target="recbole.evaluator.metrics:sk_auc",
        kind="stand_in",
        group="imports",
        why=_SCIKIT_WHY.format("GAUC, MAE and RMSE"),
        function=f"{_OURS}:scikit_metrics",
    ),
    Patch(
        name="nceplrec-imports",
        target=f"{_GENERAL}.nceplrec:randomized_svd",
        kind="stand_in",
        group="imports",
        why=_SCIKIT_WHY.format("NCEPLRec"),
        function=f"{_OURS}:scikit_svd",
    ),
    Patch(
        name="slimelastic-imports",
        target=f"{_GENERAL}.slimelastic:ElasticNet",
        kind="stand_in",
        group="imports",
        why=_SCIKIT_WHY.format("SLIMElastic"),
        function=f"{_OURS}:scikit_elastic_net",
    ),
    Patch(
        name="processor-usage",
        target="recbole.utils.utils:get_environment",
        kind="edit",
        group="imports",
        why="After each run RecBole waits a second to measure, for its log, how busy the "
        "processor is; now it is measured over the run.",
        edits=(Edit("psutil.cpu_percent(interval=1)", f"{_USAGE}.percent()"),),
        uses=(_USAGE,),
    ),
)
