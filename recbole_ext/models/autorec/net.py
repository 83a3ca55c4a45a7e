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
    mask_input_scale         the encoder also gets the mask of the ratings: V r + V' o, where o_c is
                             a constant if c has a rating in the row, and 0 if not
    svdpp_scale              W_c + |R(c)|^(-1/2) sum_{r in R(c)} y_r in the place of W_c, R(c) being
                             the rows that c has ratings in: the implicit feedback of SVD++, Koren,
                             "Factorization Meets the Neighborhood", KDD 2008, equation 15
    ema_decay                predictions by the running mean of the weights over the steps, with
                             exponential forgetting
    centring, standardise    see centring.py
    corruption               see corruption.py
    exposure_weight          a second last layer on the same code says which columns have a rating
                             at all; this number times its error (exposure.py) joins the loss

Predictions of ratings are kept in the range of the training ratings; scores for ranking are not,
so that items at the top of the range keep different scores. For a user or an item without a
training rating the paper predicts 3 (``unseen_rating: 3``); by default the network's answer stands.

Symbols: B rows, C columns (items of a user's row, users of an item's), H hidden units, K ratings
that occur.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from recbole_ext.data.rating_matrix import Cells
from recbole_ext.models.autorec.cells import products
from recbole_ext.models.autorec.exposure_head import ExposureHead
from recbole_ext.models.autorec.heads import ClassHead, Head, RatingHead
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
        exposure_head: None for none; made after the rest of the net by its width H and C.
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
        exposure_head: Callable[[int, int], ExposureHead] | None = None,
    ) -> None:
        super().__init__()
        f = ACTIVATIONS[out_activation]
        self.head: Head = RatingHead(f) if levels is None else ClassHead(levels)
        sizes = [n_inputs or n_columns, *mlp_hidden_size, n_columns * self.head.n_scores]
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
        # after the others: their initial weights are the same with and without
        self.exposure_head = exposure_head and exposure_head(sizes[-2], n_columns)
        self.code_depth = mlp_hidden_size.index(min(mlp_hidden_size)) + 1
        self.g = ACTIVATIONS[hid_activation]
        self.dropout = nn.Dropout(dropout_prob)
        self.input_dropout = nn.Dropout(input_dropout_prob)
        self.levels: Tensor | None
        self.register_buffer("levels", levels)  # the head's tensor, for checkpoints
        self.global_kernel = global_kernel

    def forward(self, r: Tensor) -> Tensor:
        """h(r) = f(W g(V r + mu) + b), the rows rebuilt: [B, inputs] -> [B, C]."""
        return self.decode(self.encode(r))

    def encode(self, r: Tensor | Cells, depth: int | None = None) -> Tensor:
        """g(V r + mu), with dropout in training.

        Args:
            r: rows [B, inputs]; or the cells of B rows; or [B, size, inputs], which the global
                kernel makes rows of.
            depth: the number of hidden layers to go through; ``code_depth`` ends at the
                narrowest one (the first, where several are), None at the last.

        Returns:
            [B, H].
        """
        x: Tensor | Cells
        if isinstance(r, Cells):
            x = r._replace(values=self.input_dropout(r.values))
        else:
            if self.global_kernel is not None and r.ndim == 3:
                r = self.global_kernel(r)
            x = self.input_dropout(r)
        for layer in self.hidden_layers[:depth]:
            x = self.dropout(self.g(layer(x)))
        assert isinstance(x, Tensor)  # there is a hidden layer
        return x

    def decode(self, hidden: Tensor, columns: Tensor | None = None) -> Tensor:
        """f(W h + b), or the mean of the classes, of every column or of some: -> [B, c].

        Args:
            hidden: [B, H].
            columns: [c]; None for all.
        """
        return self.head.ratings(self.outputs(hidden, columns))

    def decode_pairs(self, hidden: Tensor, columns: Tensor) -> Tensor:
        """The same of one column of each row, f(W_c h + b_c): [B, H], [B] -> [B]."""
        units = self._units(columns)  # [B, K]
        weights = self.last_layer.matrix(units.ravel()).view(*units.shape, -1)  # [B, K, H]
        scores = torch.einsum("bh,bkh->bk", hidden, weights) + self.last_layer.bias[units]
        return self.head.ratings(self.head.outputs(scores))

    def outputs(self, hidden: Tensor, columns: Tensor | None = None) -> Tensor:
        """What the head makes of W h + b: [B, H], [c] -> [B, c], with classes [B, c, K]."""
        units = slice(None) if columns is None else self._units(columns).ravel()
        scores = functional.linear(
            hidden, self.last_layer.matrix(units), self.last_layer.bias[units]
        )
        return self.head.outputs(scores.unflatten(-1, (-1, self.head.n_scores)))

    def outputs_of_cells(self, hidden: Tensor, cells: Cells) -> Tensor:
        """The same at n cells, W_c h + b_c: [B, H] -> [n], with classes [n, K]."""
        n_scores, units = self.head.n_scores, self._units(cells.columns)  # [n, K]
        spread = Cells(
            cells.starts * n_scores,
            cells.row.repeat_interleave(n_scores),
            units.ravel(),
            cells.values,
        )
        scores = products(hidden, self.last_layer.matrix(), spread).view(units.shape)
        return self.head.outputs(scores + self.last_layer.bias[units])

    def _units(self, columns: Tensor) -> Tensor:
        """The numbers of the last layer's units for some columns: [c] -> [c, K]."""
        of_column = torch.arange(self.head.n_scores, device=columns.device)
        return columns[:, None] * self.head.n_scores + of_column

    def penalty(self) -> Tensor:
        """||W||^2 + ||V||^2, without the biases."""
        own = (*self.hidden_layers.modules(), *self.last_layer.modules())
        layers = [layer for layer in own if isinstance(layer, Layer)]
        return torch.stack([layer.penalty() for layer in layers]).sum()

    def kernel_penalty(self) -> Tensor:
        """||K||^2 over the local kernels of all layers; there has to be one."""
        kernels = [kernel for kernel in self.modules() if isinstance(kernel, LocalKernel)]
        return torch.stack([kernel().square().sum() for kernel in kernels]).sum()
