"""Patches that make RecBole run on today's numpy, pandas, scipy, torch and setuptools."""

from recbole_ext.patches import conditions
from recbole_ext.patches.patch import Edit, Patch

_DATASET = "recbole.data.dataset.dataset"
_OURS = "recbole_ext.patches.functions.libraries"

_AGG_WHY = "pandas 3's Series.agg(len) counts rows instead of each row's values."
_FILLNA_WHY = "pandas 3 fills a copy: missing values stay missing."
_ARRAYS = "recbole_ext.patches.functions.pandas_arrays"
_ARRAYS_WHY = "pandas 3 returns texts as arrays of its own, and RecBole accepts numpy arrays only."
_TENSOR_FIELD = (
    "elif isinstance(value, torch.Tensor):\n                self.interaction[key] = value\n"
)
_SCALER_WHY = "torch.cuda.amp.GradScaler warns, once an epoch, that it has moved to torch.amp."
_SCALER = (Edit("amp.GradScaler(enabled", 'torch.amp.GradScaler("cuda", enabled'),)

PATCHES = (
    Patch(
        name="pkg-resources",
        target="sys:path",
        kind="provide",
        group="libraries",
        why="ray 2.6.3 imports pkg_resources, which setuptools 82 no longer has.",
        function=f"{_OURS}:provide_standins",
        needed=conditions.ray_lacks_pkg_resources,
    ),
    Patch(
        name="ray-bool8",
        target="numpy:bool8",
        kind="provide",
        group="libraries",
        why="ray.tune 2.6.3 uses numpy.bool8, which numpy 2 no longer has.",
        function=f"{_OURS}:provide_bool8",
        needed=conditions.numpy_has_no_bool8,
        after="ray",
    ),
    Patch(
        name="ray-processes",
        target="ray:init",
        kind="wrap",
        group="libraries",
        why="Ray's workers import ray before they could import recbole_ext.",
        function=f"{_OURS}:ray_init",
    ),
    Patch(
        name="numpy-names",
        target="recbole.config.configurator:Config.compatibility_settings",
        kind="replace",
        group="libraries",
        why="Config uses numpy.float_, complex_ and unicode_, which numpy 2 no longer has.",
        function=f"{_OURS}:compatibility_settings",
        upstream=(2203,),
        needed=conditions.numpy_has_no_float_,
        sources={"1.2.1": "76ecefe47c18"},
    ),
    Patch(
        name="numpy-scalars",
        target="recbole.evaluator.evaluator:Evaluator.evaluate",
        kind="wrap",
        group="libraries",
        why="numpy 2 prints each metric of a result as np.float64(...), in RecBole's log too.",
        function=f"{_OURS}:evaluate",
        needed=conditions.numpy_has_no_float_,
    ),
    Patch(
        name="scipy-dok",
        target="scipy.sparse:dok_matrix._update",
        kind="provide",
        group="libraries",
        why="LightGCN, NGCF and four more use dok_matrix._update, gone in scipy 1.13.",
        function=f"{_OURS}:provide_dok_update",
        upstream=(2034,),
        needed=conditions.dok_has_no_update,
        after="recbole.model.abstract_recommender",
    ),
    Patch(
        name="pandas-fillna-sequences",
        target=f"{_DATASET}:Dataset._load_feat",
        kind="edit",
        group="libraries",
        why=_FILLNA_WHY,
        edits=(
            Edit(
                'df[field].fillna(value="", inplace=True)',
                'df[field] = df[field].fillna(value="")',
            ),
        ),
        needed=conditions.fillna_in_place_is_lost,
    ),
    Patch(
        name="pandas-fillna",
        target=f"{_DATASET}:Dataset._fill_nan",
        kind="edit",
        group="libraries",
        why=f"{_FILLNA_WHY[:-1]}, and padding rows become INT64_MIN.",
        edits=(
            Edit(
                "feat[field].fillna(value=0, inplace=True)",
                "feat[field] = feat[field].fillna(value=0)",
            ),
            Edit(
                "feat[field].fillna(value=feat[field].mean(), inplace=True)",
                "feat[field] = feat[field].fillna(value=feat[field].mean())",
            ),
        ),
        needed=conditions.fillna_in_place_is_lost,
    ),
    Patch(
        name="pandas-agg-normalize",
        target=f"{_DATASET}:Dataset._normalize",
        kind="edit",
        group="libraries",
        why=_AGG_WHY,
        edits=(Edit(".agg(len)", ".map(len)"),),
        needed=conditions.agg_no_longer_maps,
    ),
    Patch(
        name="pandas-agg-discretize",
        target=f"{_DATASET}:Dataset._discretization",
        kind="edit",
        group="libraries",
        why=_AGG_WHY,
        edits=(Edit(".agg(len)", ".map(len)", times=2),),
        needed=conditions.agg_no_longer_maps,
    ),
    Patch(
        name="pandas-agg-remap",
        target=f"{_DATASET}:Dataset._remap",
        kind="edit",
        group="libraries",
        why=_AGG_WHY,
        edits=(Edit(".agg(len)", ".map(len)"),),
        needed=conditions.agg_no_longer_maps,
    ),
    Patch(
        name="pandas-agg-entities",
        target="recbole.data.dataset.kg_dataset:KnowledgeBasedDataset._reset_ent_remapID",
        kind="edit",
        group="libraries",
        why=_AGG_WHY,
        edits=(Edit(".agg(len)", ".map(len)"),),
        needed=conditions.agg_no_longer_maps,
    ),
    Patch(
        name="pandas-agg-presets",
        target="recbole.data.dataset.sequential_dataset:SequentialDataset._benchmark_presets",
        kind="replace",
        group="libraries",
        why=f"{_AGG_WHY[:-1]}: every sequence gets the same length, silently.",
        function=f"{_OURS}:benchmark_presets",
        needed=conditions.agg_no_longer_maps,
        sources={"1.2.1": "11a5d365f260"},
    ),
    Patch(
        name="pandas-read-only",
        target=f"{_DATASET}:Dataset._dataframe_to_interaction",
        kind="edit",
        group="libraries",
        why="pandas 3's Series.values is read-only, and torch warns about tensors over it.",
        edits=(Edit("data[k].values", "data[k].to_numpy(copy=True)"),),
        needed=conditions.values_are_read_only,
    ),
    Patch(
        name="pandas-tokens",
        target=f"{_DATASET}:Dataset.token2id",
        kind="wrap",
        group="libraries",
        why=_ARRAYS_WHY,
        function=f"{_ARRAYS}:with_plain_arrays",
    ),
    Patch(
        name="pandas-ids",
        target=f"{_DATASET}:Dataset.id2token",
        kind="wrap",
        group="libraries",
        why="RecBole takes ids as an array of pandas' own for wrong ids.",
        function=f"{_ARRAYS}:with_plain_arrays",
    ),
    Patch(
        name="pandas-columns",
        target="recbole.data.interaction:Interaction.__init__",
        kind="edit",
        group="libraries",
        why="RecBole takes no column of a frame for a field of an Interaction.",
        edits=(
            Edit(
                _TENSOR_FIELD,
                f"{_TENSOR_FIELD}"
                f"            elif {_ARRAYS}.is_pandas(value):\n"
                "                self.interaction[key] = _convert_to_tensor(value)\n",
            ),
        ),
        uses=(_ARRAYS,),
    ),
    Patch(
        name="pandas-to-tensor",
        target="recbole.data.interaction:_convert_to_tensor",
        kind="wrap",
        group="libraries",
        why="torch warns about an array of pandas 3, which is read-only, and takes no others.",
        function=f"{_ARRAYS}:to_tensor",
    ),
    Patch(
        name="torch-scaler",
        target="recbole.trainer.trainer:Trainer._train_epoch",
        kind="edit",
        group="libraries",
        why=_SCALER_WHY,
        edits=_SCALER,
        needed=conditions.scaler_has_moved,
    ),
    Patch(
        name="torch-scaler-ncl",
        target="recbole.trainer.trainer:NCLTrainer._train_epoch",
        kind="edit",
        group="libraries",
        why=_SCALER_WHY,
        edits=_SCALER,
        needed=conditions.scaler_has_moved,
    ),
    Patch(
        name="torch-sparse",
        target="torch.sparse:FloatTensor",
        kind="wrap",
        group="libraries",
        why="torch warns, in a run of each graph model, that torch.sparse.FloatTensor is old.",
        function=f"{_OURS}:sparse_tensor",
        after="recbole.model.abstract_recommender",
    ),
)
