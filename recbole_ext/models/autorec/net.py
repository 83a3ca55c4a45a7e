r"""AutoRec: the rating autoencoder.

    h(r) = f(W g(V r + mu) + b)                           the row r, rebuilt

    min  (1/B) sum_rows sum_{c observed} (r_c - h(r)_c)^2  +  lambda/2 (||W||^2 + ||V||^2)

Sedhain et al., "AutoRec: Autoencoders Meet Collaborative Filtering", WWW 2015, equations 1
and 2. A row holds the ratings of one item by all users (I-AutoRec, the paper's better one) or
of one user for all items (U-AutoRec); a missing rating is a 0 in the input and is not seen by
the loss.

Departures from the paper: the squared error is the mean over the rows of a batch, not the sum
over all rows, so lambda is the paper's divided by the number of rows; dropout on the input and
the hidden layers; ids are RecBole's, whose id 0 is padding: a column that nobody has rated.

Descendants, each by a setting:

    mlp_hidden_size          several hidden layers; refeeding: h(h(r)) has to rebuild h(r) too.
                             Kuchaiev & Ginsburg, "Training Deep AutoEncoders for Collaborative
                             Filtering", 2017
    tied                     each layer of the second half has the weights of its mirror
    kernel_dim               weights that a kernel switches off, SparseFC;
    global_kernel_size       a convolution before the encoder, GLocal-K (both: kernels.py)
    loss_type: CE            h(r)_c is the mean of a softmax over the K ratings that occur, and
                             the loss is the cross-entropy of the observed ones
    mask_input_scale         the encoder is told which ratings there are, too: V r + V' o, where o_c
                             is a constant if c has a rating in the row, and 0 if not
    svdpp_scale              W_c + |R(c)|^(-1/2) sum_{r in R(c)} y_r in the place of W_c, R(c) being
                             the rows that c has ratings in: the implicit feedback of SVD++, Koren,
                             "Factorization Meets the Neighborhood", KDD 2008, equation 15
    ema_decay                predictions by the running mean of the weights over the steps, with
                             exponential forgetting
    centring, corruption     see centring.py and corruption.py

Predictions of ratings are kept in the range of the training ratings; scores for ranking are not,
so that items at the top of the range are told apart. For a user or an item without a training
rating the paper predicts 3 (``unseen_rating: 3``); by default the network's answer stands.

Symbols: B rows, C columns (items of a user's row, users of an item's), H hidden units, K ratings
that occur.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from recbole_ext.data.rating_matrix import Cells, nearest_level
from recbole_ext.models.autorec.cells import products
from recbole_ext.models.autorec.kernels import GlobalKernel, LocalKernel
from recbole_ext.models.autorec.layers import (
    ACTIVATIONS,
    Activation,
    Dense,
    Initialisation,
    Layer,
    Patterned,
    Tied,
)


class AutoRecNet(nn.Module):
    """V, mu, W, b and the activations; more layers in between where they are asked for.

    Args:
        n_columns: C.
        mlp_hidden_size: of every hidden layer, from the row on.
        hid_activation, out_activation: g and f.
        dropout_prob: in [0, 1), on the hidden units.
        input_dropout_prob: in [0, 1), on the row.
        initialisation: of V and W; the biases start as 0.
        n_inputs: of a row, C where it is the ratings alone.
        tied: whether the layers of the second half have the weights of the first.
        kernel_dim: of the local kernels; 0 for none.
        levels: [K], the ratings that occur, where the output is a softmax over them.
        global_kernel: goes over the rows before they are encoded.
        pattern, pattern_step: what the last layer's weights get added, see ``Patterned``.
        by_cells: whether most rows will be encoded by their cells.
    """

    def __init__(
        self,
        n_columns: int,
        mlp_hidden_size: Sequence[int],
        hid_activation: Activation = "sigmoid",
        out_activation: Activation = "identity",
        dropout_prob: float = 0.0,
        input_dropout_prob: float = 0.0,
        initialisation: Initialisation = "xavier",
        n_inputs: int | None = None,
        tied: bool = False,
        kernel_dim: int = 0,
        levels: Tensor | None = None,
        global_kernel: GlobalKernel | None = None,
        pattern: Tensor | None = None,
        pattern_step: float = 1.0,
        by_cells: bool = False,
    ) -> None:
        super().__init__()
        self.n_scores = 1 if levels is None else len(levels)  # of a column
        sizes = [n_inputs or n_columns, *mlp_hidden_size, n_columns * self.n_scores]
        layers: list[Layer] = []
        for number, (n_in, n_out) in enumerate(pairwise(sizes)):
            mirror = len(sizes) - 2 - number
            if tied and mirror < number:
                layers.append(Tied(layers[mirror]))
            else:
                layers.append(
                    Dense(n_in, n_out, initialisation, kernel_dim, by_cells and not number)
                )
        *hidden, last = layers
        self.hidden_layers = nn.ModuleList(hidden)
        self.last_layer = last if pattern is None else Patterned(last, pattern, pattern_step)
        self.code_depth = mlp_hidden_size.index(min(mlp_hidden_size)) + 1
        self.g = ACTIVATIONS[hid_activation]
        self.f = ACTIVATIONS[out_activation]
        self.dropout = nn.Dropout(dropout_prob)
        self.input_dropout = nn.Dropout(input_dropout_prob)
        self.levels: Tensor | None
        self.register_buffer("levels", levels)
        self.global_kernel = global_kernel

    def encode(self, rows: Tensor | Cells, depth: int | None = None) -> Tensor:
        """g(V r + mu), with dropout in training.

        Args:
            rows: [B, inputs]; or the cells of B rows; or [B, size, inputs], which the global
                kernel makes rows of.
            depth: the number of hidden layers to go through; ``code_depth`` ends at the
                narrowest one (the first, where several are), None at the last.

        Returns:
            [B, H].
        """
        x: Tensor | Cells
        if isinstance(rows, Cells):
            x = rows._replace(values=self.input_dropout(rows.values))
        else:
            if self.global_kernel is not None and rows.ndim == 3:
                rows = self.global_kernel(rows)
            x = self.input_dropout(rows)
        for layer in self.hidden_layers[:depth]:
            x = self.dropout(self.g(layer(x)))
        assert isinstance(x, Tensor)  # there is a hidden layer
        return x

    def scores(self, hidden: Tensor, columns: Tensor | None = None) -> Tensor:
        """W h + b of every column, or of some: [B, H], [c] -> [B, c, 1], with classes [B, c, K]."""
        outputs = slice(None) if columns is None else self._outputs(columns).ravel()
        flat = functional.linear(
            hidden, self.last_layer.matrix(outputs), self.last_layer.bias[outputs]
        )
        return flat.unflatten(-1, (-1, self.n_scores))

    def scores_of_cells(self, hidden: Tensor, cells: Cells) -> Tensor:
        """W_c h + b_c at some cells: [B, H] -> [n, 1], with classes [n, K]."""
        outputs = self._outputs(cells.columns)  # [n, K]
        spread = Cells(
            cells.starts * self.n_scores,
            cells.row.repeat_interleave(self.n_scores),
            outputs.ravel(),
            cells.values,
        )
        flat = products(hidden, self.last_layer.matrix(), spread)
        return flat.view(outputs.shape) + self.last_layer.bias[outputs]

    def ratings(self, scores: Tensor) -> Tensor:  # [..., 1 or K] -> [...]
        """f, or the mean of the classes."""
        if self.levels is None:
            return self.f(scores.squeeze(-1))
        return scores.softmax(-1) @ self.levels

    def decode(self, hidden: Tensor, columns: Tensor | None = None) -> Tensor:
        """f(W h + b) of every column, or of some: [B, H], [c] -> [B, c]."""
        return self.ratings(self.scores(hidden, columns))

    def decode_cells(self, hidden: Tensor, columns: Tensor) -> Tensor:  # [B, H], [B] -> [B]
        """One column of each row: f(W_c h + b_c)."""
        outputs = self._outputs(columns)  # [B, K]
        weights = self.last_layer.matrix(outputs.ravel()).view(*outputs.shape, -1)  # [B, K, H]
        scores = torch.einsum("bh,bkh->bk", hidden, weights) + self.last_layer.bias[outputs]
        return self.ratings(scores)

    def _outputs(self, columns: Tensor) -> Tensor:  # [c] -> [c, K]
        """The numbers of the last layer's units for some columns."""
        return columns[:, None] * self.n_scores + torch.arange(self.n_scores, device=columns.device)

    def forward(self, rows: Tensor) -> Tensor:  # [B, inputs] -> [B, C]
        """h(r), the rows rebuilt."""
        return self.decode(self.encode(rows))

    def penalty(self) -> Tensor:
        """||W||^2 + ||V||^2, without the biases."""
        layers = [layer for layer in self.modules() if isinstance(layer, Layer)]
        return torch.stack([layer.penalty() for layer in layers]).sum()

    def kernel_penalty(self) -> Tensor:
        """||K||^2 over the local kernels of all layers; there has to be one."""
        kernels = [kernel for kernel in self.modules() if isinstance(kernel, LocalKernel)]
        return torch.stack([kernel().square().sum() for kernel in kernels]).sum()


def observed_squared_error(rebuilt: Tensor, rows: Tensor, observed: Tensor) -> Tensor:
    """The squared error of the observed ratings, summed over columns, averaged over rows.

    Args:
        rebuilt, rows: [B, C].
        observed: [B, C], true where there is a rating; a rating may be 0.

    Returns:
        A scalar. What stands in an unobserved cell changes neither it nor its gradient.
    """
    error = torch.where(observed, rebuilt - rows, rebuilt.new_zeros(()))
    return error.square().sum() / len(rows)


def observed_cross_entropy(
    scores: Tensor, rows: Tensor, observed: Tensor, levels: Tensor
) -> Tensor:
    """-log softmax(scores)_k of each observed rating's level k, summed and averaged as above.

    Args:
        scores: [B, C, K].
        rows: [B, C]; observed ratings are among ``levels``, up to rounding.
        observed: [B, C], true where there is a rating.
        levels: [K], ascending.

    Returns:
        A scalar.
    """
    return cross_entropy(scores[observed], rows[observed], levels) / len(rows)


def cross_entropy(scores: Tensor, ratings: Tensor, levels: Tensor) -> Tensor:
    """The sum over ratings of -log softmax(scores)_k: [n, K], [n], [K] -> a scalar."""
    return functional.cross_entropy(scores, nearest_level(ratings, levels), reduction="sum")
