r"""The weights of AutoRec's second head: a last layer, and a tower for what a user's items say.

    s_rc = w_c g(V r + mu) + d_c  +  e_i . t_u        u and i: the user and the item of the cell
    t_u  = tanh(|R(u)|^(-1/2) sum_{j in R(u)} y_j + m)                  the user's code, [H']

R(u) are the items that u has rated. The second part is the denoising autoencoder of Liang et al.,
"Variational Autoencoders for Collaborative Filtering", WWW 2018 (Mult-DAE: a row scaled to length
1, tanh), with one hidden layer. Whatever a row of AutoRec is, a user is encoded here: by items
AutoRec knows a user by learned weights alone, and this says what the user's items add to them, as
SVD++ does for ratings.

Symbols: I items, H hidden units of the net, H' of the tower.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from recbole_ext.data.rating_matrix import Cells
from recbole_ext.models.autorec.cells import weighted_sums
from recbole_ext.models.autorec.layers import INITIALISE, Dense, Layer, sum_of_squares
from recbole_ext.models.autorec.settings import AutoRecSettings


class UserTower(nn.Module):
    """y, m and e.

    Args:
        n_items: I, the padding id included.
        hidden_size: H'.
        initialise: of y and e; m starts as 0.
        dropout_prob: in [0, 1), on the code.
        input_dropout_prob: in [0, 1), on the user's items.
    """

    def __init__(
        self,
        n_items: int,
        hidden_size: int,
        initialise: Callable[[Tensor], Tensor],
        dropout_prob: float,
        input_dropout_prob: float,
    ) -> None:
        super().__init__()
        self.y = nn.Parameter(initialise(torch.empty(n_items, hidden_size)))
        self.m = nn.Parameter(torch.zeros(hidden_size))
        self.e = nn.Parameter(initialise(torch.empty(n_items, hidden_size)))
        self.dropout = nn.Dropout(dropout_prob)
        self.input_dropout = nn.Dropout(input_dropout_prob)

    def forward(self, items: Cells) -> Tensor:
        """t, the codes of B users, by their items; the values do not matter: -> [B, H']."""
        counts = torch.bincount(items.row, minlength=len(items.starts))
        values = self.input_dropout(counts[items.row].to(self.y).rsqrt())
        sums = weighted_sums(items._replace(values=values), self.y)
        return self.dropout(torch.tanh(sums + self.m))

    def penalty(self) -> Tensor:
        """||y||^2 + ||e||^2."""
        return sum_of_squares(self.y) + sum_of_squares(self.e)


class ExposureHead(nn.Module):
    """The weights of the exposure head.

    Args:
        layer: w and d, from a row's code to every column.
        tower: None for none.
    """

    def __init__(self, layer: Layer, tower: UserTower | None) -> None:
        super().__init__()
        self.layer, self.tower = layer, tower

    def penalty(self) -> Tensor:
        """||w||^2 + ||y||^2 + ||e||^2."""
        squares = self.layer.penalty()
        return squares if self.tower is None else squares + self.tower.penalty()


def maker(settings: AutoRecSettings, n_items: int) -> Callable[[int, int], ExposureHead] | None:
    """What makes the head of a model with these settings, by H and C; None without a head."""
    if not settings.exposure_weight:
        return None

    def make(n_hidden: int, n_columns: int) -> ExposureHead:
        layer = Dense(n_hidden, n_columns, settings.initialisation, 0)
        if not settings.exposure_hidden_size:
            return ExposureHead(layer, None)
        sizes = n_items, settings.exposure_hidden_size
        rates = settings.dropout_prob, settings.input_dropout_prob
        return ExposureHead(layer, UserTower(*sizes, INITIALISE[settings.initialisation], *rates))

    return make
