"""Patches of RecBole's models that give the same results sooner; group ``speed``."""

from recbole_ext.patches.patch import Edit, Patch

_GENERAL = "recbole.model.general_recommender"
_ARRAYS = "recbole_ext.patches.functions.model_arrays"
_RECVAE = "recbole_ext.patches.functions.recvae"

# The same lines in five models.
_GRAPH = Edit(
    """\
    A = sp.dok_matrix(
        (self.n_users + self.n_items, self.n_users + self.n_items), dtype=np.float32
    )
    inter_M = self.interaction_matrix
    inter_M_t = self.interaction_matrix.transpose()
    data_dict = dict(
        zip(zip(inter_M.row, inter_M.col + self.n_users), [1] * inter_M.nnz)
    )
    data_dict.update(
        dict(
            zip(
                zip(inter_M_t.row + self.n_users, inter_M_t.col),
                [1] * inter_M_t.nnz,
            )
        )
    )
    A._update(data_dict)
""",
    f"""\
    A = {_ARRAYS}.adjacency(self.interaction_matrix)
""",
)
_INDEX = Edit("torch.LongTensor([row, col])", "torch.LongTensor(np.array([row, col]))")


def _graph(name: str, target: str, *more: Edit) -> Patch:
    return Patch(
        name=name,
        target=f"{_GENERAL}.{target}",
        kind="edit",
        group="speed",
        why="RecBole makes a Python tuple and an entry of a dictionary of each interaction.",
        edits=(_GRAPH, *more),
        uses=(_ARRAYS,),
    )


def _history(name: str, target: str) -> Patch:
    return Patch(
        name=name,
        target=f"{_GENERAL}.{target}",
        kind="edit",
        group="speed",
        why="A full ranking copies the embeddings of a user's history for each of all items.",
        edits=(
            Edit(
                """\
    user_history = user_history.repeat(
        repeats, 1, 1
    )""",
                """\
    user_history = user_history.expand(
        repeats, -1, -1
    )""",
            ),
        ),
    )


PATCHES = (
    _graph("graph-lightgcn", "lightgcn:LightGCN.get_norm_adj_mat"),
    _graph("graph-ngcf", "ngcf:NGCF.get_norm_adj_mat"),
    _graph("graph-ncl", "ncl:NCL.get_norm_adj_mat"),
    _graph("graph-gcmc", "gcmc:GCMC.get_norm_adj_mat", _INDEX),
    _graph("graph-spectralcf", "spectralcf:SpectralCF.get_laplacian_matrix", _INDEX),
    Patch(
        name="graph-products",
        target="torch.sparse:mm",
        kind="wrap",
        group="speed",
        why="torch multiplies a graph in coordinates in one thread, one call for each edge.",
        function="recbole_ext.patches.functions.sparse_products:mm",
        after="recbole.model.layers",
    ),
    Patch(
        name="padded-histories",
        target="recbole.data.dataset.dataset:Dataset._history_matrix",
        kind="edit",
        group="speed",
        why="RecBole fills the matrices of autoencoders and others one interaction at a time.",
        edits=(
            Edit(
                """\
    history_len = np.zeros(row_num, dtype=np.int64)
    for row_id in row_ids:
        history_len[row_id] += 1
""",
                """\
    history_len = np.bincount(row_ids, minlength=row_num)
""",
            ),
            Edit(
                """\
    history_matrix = np.zeros((row_num, col_num), dtype=np.int64)
    history_value = np.zeros((row_num, col_num))
    history_len[:] = 0
    for row_id, value, col_id in zip(row_ids, values, col_ids):
        if history_len[row_id] >= col_num:
            continue
        history_matrix[row_id, history_len[row_id]] = col_id
        history_value[row_id, history_len[row_id]] = value
        history_len[row_id] += 1

    return (
        torch.LongTensor(history_matrix),
        torch.FloatTensor(history_value),
        torch.LongTensor(history_len),
    )
""",
                f"""\
    return {_ARRAYS}.padded_histories(
        row_ids, col_ids, values, history_len, col_num
    )
""",
            ),
        ),
        uses=(_ARRAYS,),
    ),
    Patch(
        name="layer-mean",
        target=f"{_GENERAL}.lightgcn:LightGCN.forward",
        kind="replace",
        group="speed",
        why="LightGCN copies its layers side by side for their mean, and so their gradients.",
        function="recbole_ext.patches.functions.graph_layers:lightgcn_forward",
        sources={"1.2.1": "e813a72e35ee"},
    ),
    Patch(
        name="encoded-once",
        target=f"{_GENERAL}.gcmc:GcEncoder.forward",
        kind="wrap",
        group="speed",
        why="GCMC encodes all users and items anew for each batch of users of a ranking.",
        function="recbole_ext.patches.functions.ranking:encoded_once",
    ),
    Patch(
        name="recvae-halves",
        target="recbole.trainer.trainer:RecVAETrainer._train_epoch",
        kind="edit",
        group="speed",
        why="RecVAE trains its encoder and its decoder in turn, but computes the gradients of both "
        "each time; its prior encodes again what an equal encoder has just encoded.",
        edits=(
            Edit(
                """\
self.model.calculate_loss(
        data, encoder_flag=True
    )""",
                f"{_RECVAE}.encoder_loss(self, data)",
            ),
            Edit(
                """\
self.model.calculate_loss(
        data, encoder_flag=False
    )""",
                f"{_RECVAE}.decoder_loss(self, data)",
            ),
        ),
        uses=(_RECVAE,),
    ),
    _history("histories-fism", "fism:FISM.user_forward"),
    _history("histories-nais", "nais:NAIS.user_forward"),
)
