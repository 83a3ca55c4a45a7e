"""Patches that bring the fixes of RecBole 1.2.1 to 1.2.0, and import Ray where it is used.

docs/recbole_1.2.0.md lists every difference between the two releases.
"""

from recbole_ext.patches.patch import Edit, Patch

_OURS = "recbole_ext.patches.functions.release"
_LOADER = "recbole.data.dataloader.general_dataloader"
_GENERAL = "recbole.model.general_recommender"
_SEQUENTIAL = "recbole.model.sequential_recommender"

_SHUFFLE_WHY = "RecBole 1.2.0 fails where it would warn that an evaluation cannot shuffle."
_SHUFFLE = (Edit("self.logger.warnning(", "self.logger.warning("),)
_PAIRS_WHY = "RecBole 1.2.0 returns the scores of all pairs of a batch's users and items."
_DEVICE_WHY = "RecBole 1.2.0 returns scores on the CPU, also where the model is on a GPU."
_DROPOUT_WHY = "RecBole 1.2.0 drops out parts of embeddings in evaluations, too."
_MAP_WHY = "RecBole 1.2.0 makes a dense array of batch x sequence x items, and adds in its order."
_TIME_WHY = "RecBole 1.2.0 does not know split: TS."


def _dropout(name: str) -> Edit:
    """``nn.Dropout(rate)(x)`` is always in training mode."""
    rate = "self.message_dropout" if name == "all_embeddings" else "self.dropout"
    return Edit(
        f"{name} = nn.Dropout({rate})({name})",
        f"{name} = nn.functional.dropout({name}, {rate}, self.training)",
    )


PATCHES = (
    Patch(
        name="ray-stand-in",
        target="recbole.quick_start.quick_start:tune",
        kind="stand_in",
        group="release",
        why="RecBole imports Ray, which is optional with 1.2.0, before any run.",
        function=f"{_OURS}:ray_stand_in",
    ),
    Patch(
        name="kmeans-stand-in",
        target=f"{_GENERAL}.ldiffrec:kmeans",
        kind="stand_in",
        group="release",
        why="RecBole 1.2.0 imports kmeans_pytorch, which it does not require, with its models.",
        function=f"{_OURS}:kmeans_stand_in",
        releases=("1.2.0",),
    ),
    Patch(
        name="distutils-stand-in",
        target="thop.profile:LooseVersion",
        kind="stand_in",
        group="release",
        why="thop, which counts FLOPs, compares versions by distutils, gone in Python 3.12; "
        "before, setuptools lends its own, which takes a fifth of a second to import.",
        function=f"{_OURS}:distutils_stand_in",
    ),
    Patch(
        name="models-of-1.2.1",
        target="recbole.utils.utils:get_model",
        kind="wrap",
        group="release",
        why="RecBole 1.2.0 takes the names of models that came with 1.2.1 for misspelt.",
        function=f"{_OURS}:get_model",
        releases=("1.2.0",),
    ),
    Patch(
        name="time-split-added",
        target="recbole.data.dataset.dataset:Dataset.time_based_split",
        kind="provide",
        group="release",
        why=_TIME_WHY,
        function=f"{_OURS}:provide_time_split",
        releases=("1.2.0",),
    ),
    Patch(
        name="time-split-called",
        target="recbole.data.dataset.dataset:Dataset.build",
        kind="edit",
        group="release",
        why=_TIME_WHY,
        edits=(
            Edit(
                'else:\n        raise NotImplementedError(\n            f"The splitting_method',
                'elif split_mode == "TS":\n'
                '        datasets = self.time_based_split(split_args["TS"], self.uid_field)\n'
                "    else:\n        raise NotImplementedError(\n"
                '            f"The splitting_method',
            ),
        ),
        releases=("1.2.0",),
        requires="time-split-added",
    ),
    Patch(
        name="shuffled-candidates",
        target=f"{_LOADER}:NegSampleEvalDataLoader.__init__",
        kind="edit",
        group="release",
        why=_SHUFFLE_WHY,
        edits=_SHUFFLE,
        releases=("1.2.0",),
    ),
    Patch(
        name="shuffled-ranking",
        target=f"{_LOADER}:FullSortEvalDataLoader.__init__",
        kind="edit",
        group="release",
        why=_SHUFFLE_WHY,
        edits=_SHUFFLE,
        releases=("1.2.0",),
    ),
    Patch(
        name="admmslim-device",
        target=f"{_GENERAL}.admmslim:ADMMSLIM.predict",
        kind="wrap",
        group="release",
        why=_DEVICE_WHY,
        function=f"{_OURS}:on_device",
        releases=("1.2.0",),
    ),
    Patch(
        name="slimelastic-device",
        target=f"{_GENERAL}.slimelastic:SLIMElastic.predict",
        kind="wrap",
        group="release",
        why=_DEVICE_WHY,
        function=f"{_OURS}:on_device",
        releases=("1.2.0",),
    ),
    Patch(
        name="random-device",
        target=f"{_GENERAL}.random:Random.predict",
        kind="replace",
        group="release",
        why=_DEVICE_WHY,
        function=f"{_OURS}:random_scores",
        releases=("1.2.0",),
        sources={"1.2.0": "b4a454bad3e5"},
    ),
    Patch(
        name="diffrec-no-noise",
        target=f"{_GENERAL}.diffrec:DiffRec.__init__",
        kind="edit",
        group="release",
        why="DiffRec and LDiffRec of RecBole 1.2.0 fail with noise_scale: 0.",
        edits=(
            Edit(
                "    self.calculate_for_diffusion()",
                "    if self.noise_scale != 0.0:\n        self.calculate_for_diffusion()",
            ),
            Edit(
                'self.reweight = config["reweight"]',
                'self.reweight = config["reweight"] and self.noise_scale != 0.0',
            ),
        ),
        releases=("1.2.0",),
    ),
    Patch(
        name="diffrec-pairs",
        target=f"{_GENERAL}.diffrec:DiffRec.predict",
        kind="replace",
        group="release",
        why=_PAIRS_WHY,
        function=f"{_OURS}:pair_scores",
        releases=("1.2.0",),
        sources={"1.2.0": "58b4dfdd49ba"},
    ),
    Patch(
        name="ldiffrec-pairs",
        target=f"{_GENERAL}.ldiffrec:LDiffRec.predict",
        kind="replace",
        group="release",
        why=_PAIRS_WHY,
        function=f"{_OURS}:latent_pair_scores",
        releases=("1.2.0",),
        sources={"1.2.0": "58b4dfdd49ba"},
    ),
    Patch(
        name="itemknn-method",
        target=f"{_GENERAL}.itemknn:ItemKNN.__init__",
        kind="edit",
        group="release",
        why="ItemKNN of RecBole 1.2.0 has no setting knn_method.",
        edits=(
            Edit(
                "_, self.w = ComputeSimilarity(",
                'self.method = config["knn_method"]\n    similarity = ComputeSimilarity(',
            ),
            Edit(
                ').compute_similarity("item")',
                ")\n"
                '    if config["knn_method"] == "user":\n'
                "        similarity.TopK = min(self.k, self.n_users)\n"
                '    _, self.w = similarity.compute_similarity(config["knn_method"])',
            ),
            Edit(
                "self.pred_mat = self.interaction_matrix.dot(self.w).tolil()",
                'if config["knn_method"] == "user":\n'
                "        self.pred_mat = self.w.dot(self.interaction_matrix).tolil()\n"
                "    else:\n"
                "        self.pred_mat = self.interaction_matrix.dot(self.w).tolil()",
            ),
        ),
        releases=("1.2.0",),
    ),
    Patch(
        name="ngcf-dropout",
        target=f"{_GENERAL}.ngcf:NGCF.forward",
        kind="edit",
        group="release",
        why=_DROPOUT_WHY,
        edits=(_dropout("all_embeddings"),),
        releases=("1.2.0",),
    ),
    Patch(
        name="simplex-dropout",
        target=f"{_GENERAL}.simplex:SimpleX.__init__",
        kind="edit",
        group="release",
        why="SimpleX of RecBole 1.2.0 has no setting dropout_prob.",
        edits=(Edit("nn.Dropout(0.1)", 'nn.Dropout(config["dropout_prob"])'),),
        releases=("1.2.0",),
    ),
    Patch(
        name="fearec-positives",
        target=f"{_SEQUENTIAL}.fearec:FEARec.calculate_loss",
        kind="edit",
        group="release",
        why="FEARec of RecBole 1.2.0 never ends where several equal sequences lead to an item.",
        edits=(
            Edit(
                "while True:\n            sample_index = random.choice(targets_index)",
                "remaining_indices = targets_index.copy()\n"
                "        while len(remaining_indices) > 0:\n"
                "            sample_index = random.choice(remaining_indices)\n"
                "            remaining_indices = "
                "remaining_indices[remaining_indices != sample_index]",
            ),
            Edit("or lens == 1:", "or len(remaining_indices) == 0:"),
        ),
        releases=("1.2.0",),
    ),
    Patch(
        name="gru4reckg-dropout",
        target=f"{_SEQUENTIAL}.gru4reckg:GRU4RecKG.forward",
        kind="edit",
        group="release",
        why=_DROPOUT_WHY,
        edits=(_dropout("item_emb"), _dropout("entity_emb")),
        releases=("1.2.0",),
    ),
    Patch(
        name="repeatnet-repeat",
        target=f"{_SEQUENTIAL}.repeatnet:Repeat_Recommendation_Decoder.forward",
        kind="edit",
        group="release",
        why=_MAP_WHY,
        edits=(
            Edit("    output_er = output_er.unsqueeze(1)\n", ""),
            Edit(
                "    map_matrix = build_map(item_seq, self.device, max_index=self.num_item)\n", ""
            ),
            Edit(
                "    output_er = torch.matmul(output_er, map_matrix).squeeze(1).to(self.device)\n",
                "",
            ),
            Edit(
                "output_er.squeeze(1).to(self.device)",
                "torch.zeros(item_seq.size(0), self.num_item, device=self.device)"
                ".scatter_add_(1, item_seq, output_er)",
            ),
        ),
        releases=("1.2.0",),
    ),
    Patch(
        name="repeatnet-explore",
        target=f"{_SEQUENTIAL}.repeatnet:Explore_Recommendation_Decoder.forward",
        kind="edit",
        group="release",
        why=_MAP_WHY,
        edits=(
            Edit(
                "    map_matrix = build_map(item_seq, self.device, max_index=self.num_item)\n"
                "    explore_mask = torch.bmm(\n"
                "        (item_seq > 0).float().unsqueeze(1), map_matrix\n"
                "    ).squeeze(1)\n"
                '    output_e = output_e.masked_fill(explore_mask.bool(), float("-inf"))\n',
                "    first = item_seq[:, 0].unsqueeze(1).expand_as(item_seq)\n"
                "    first = first.masked_fill(item_seq > 0, 0)\n"
                "    output_e.scatter_add_(\n"
                '        1, item_seq + first, float("-inf") * torch.ones_like(item_seq)\n'
                "    )\n",
            ),
        ),
        releases=("1.2.0",),
    ),
)
