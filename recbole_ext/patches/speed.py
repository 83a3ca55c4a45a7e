"""Patches that give RecBole's results sooner: vectorised loops, and a cache of read data sets."""

from recbole_ext.patches.patch import Edit, Patch

_DATASET = "recbole.data.dataset.dataset"
_SAMPLING = "recbole_ext.patches.functions.sampling"
_READING = "recbole_ext.patches.functions.reading"

PATCHES = (
    Patch(
        name="interaction-index",
        target="recbole.data.interaction:Interaction.__getitem__",
        kind="replace",
        group="speed",
        why="RecBole makes a list of an index array, and torch an array of the list again.",
        function=f"{_SAMPLING}:interaction_getitem",
        sources={"1.2.1": "a249b545ee21"},
    ),
    Patch(
        name="loader-positions",
        target="recbole.data.dataloader.abstract_dataloader:AbstractDataLoader.__init__",
        kind="edit",
        group="speed",
        why="A loader keeps a list of all numbers below its length; a range has the same ones.",
        edits=(Edit("dataset=list(range(self.sample_size))", "dataset=range(self.sample_size)"),),
    ),
    Patch(
        name="used-items",
        target="recbole.sampler.sampler:Sampler.get_used_ids",
        kind="wrap",
        group="speed",
        why="RecBole fills a Python set of items for each user, one interaction at a time.",
        function=f"{_SAMPLING}:get_used_ids",
        sources={"1.2.1": "cde893b47e8a"},
        requires="negative-sampling",
    ),
    Patch(
        name="negative-sampling",
        target="recbole.sampler.sampler:AbstractSampler.sample_by_key_ids",
        kind="wrap",
        group="speed",
        why="RecBole looks up each sampled item in a set, one after another.",
        function=f"{_SAMPLING}:sample_by_key_ids",
        sources={"1.2.1": "6e8fe8696b89"},
    ),
    Patch(
        name="popularity-sampling",
        target="recbole.sampler.sampler:AbstractSampler._pop_sampling",
        kind="replace",
        group="speed",
        why="RecBole draws popular items in a Python loop.",
        function=f"{_SAMPLING}:pop_sampling",
        sources={"1.2.1": "7548e1f091ef"},
    ),
    Patch(
        name="ranking-loader",
        target="recbole.data.utils:get_dataloader",
        kind="wrap",
        group="speed",
        why="RecBole collects the items of the users of a full ranking in Python loops; in "
        "training, torch makes a list of all row numbers at the beginning of each epoch.",
        function=f"{_SAMPLING}:get_loader",
        requires="used-items",
    ),
    Patch(
        name="ranking-batches",
        target="recbole.trainer.trainer:Trainer._full_sort_batch_eval",
        kind="wrap",
        group="speed",
        why="RecBole masks, sorts and counts two users of ml-100k at a time in a full ranking.",
        function="recbole_ext.patches.functions.ranking:full_sort_batch_eval",
        sources={"1.2.1": "c50cc75dbf9d"},
        requires="ranking-loader",
    ),
    Patch(
        name="ranking-pairs",
        target="recbole.trainer.trainer:Trainer._full_sort_batch_eval",
        kind="wrap",
        group="speed",
        why="A model without scores of all items computes what is the user's anew for each item, "
        "and what is the item's for each user.",
        function="recbole_ext.patches.functions.pairs.scores:full_sort_batch_eval",
        sources={"1.2.1": "c50cc75dbf9d"},
        requires="ranking-batches",
    ),
    Patch(
        name="csv-parser",
        target=f"{_DATASET}:Dataset._load_feat",
        kind="edit",
        group="speed",
        why="RecBole parses files by pandas' slow Python engine.",
        edits=(Edit('engine="python",', f"**{_READING}.parser(field_separator),"),),
        uses=(_READING,),
    ),
    Patch(
        name="ids-as-codes",
        target=f"{_DATASET}:Dataset._concat_remaped_tokens",
        kind="replace",
        group="speed",
        why="RecBole makes a Python text of each row's user and item to number them.",
        function=f"{_READING}:concat_remaped_tokens",
        sources={"1.2.1": "16cab9b8524d"},
    ),
    Patch(
        name="interaction-counts",
        target=f"{_DATASET}:Counter",
        kind="provide",
        group="speed",
        why="RecBole counts the interactions of users and items in a Python loop.",
        function=f"{_READING}:provide_counter",
    ),
    Patch(
        name="grouping",
        target=f"{_DATASET}:Dataset._grouped_index",
        kind="replace",
        group="speed",
        why="RecBole groups interactions by user in a Python loop.",
        function=f"{_READING}:grouped_index",
        sources={"1.2.1": "0740fda13d93"},
    ),
    Patch(
        name="ratio-split",
        target=f"{_DATASET}:Dataset.split_by_ratio",
        kind="edit",
        group="speed",
        why="RecBole splits the interactions of each user in a Python loop.",
        edits=(
            Edit(
                "next_index = [[] for _ in range(len(ratios))]",
                "next_index = grouped_inter_feat_index.split("
                "lambda tot: self._calcu_split_ids(tot=tot, ratios=ratios), len(ratios))",
            ),
            # the loop over groups has nothing left to do
            Edit("for grouped_index in grouped_inter_feat_index:", "for grouped_index in ():"),
        ),
        requires="grouping",
    ),
    Patch(
        name="dataset-cache",
        target=f"{_DATASET}:Dataset._from_scratch",
        kind="wrap",
        group="cache",
        why="A large data set is read anew by each run.",
        function="recbole_ext.patches.functions.dataset_cache:from_scratch",
        sources={"1.2.1": "04191848099c"},
    ),
    Patch(
        name="split-cache",
        target=f"{_DATASET}:Dataset.build",
        kind="wrap",
        group="cache",
        why="A large data set is shuffled and split anew by each run with the same seed.",
        function="recbole_ext.patches.functions.split_cache:build",
        requires="dataset-cache",
    ),
)
