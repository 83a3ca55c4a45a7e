"""What a denoising autoencoder is shown in the place of a row; it has to rebuild the clean one.

    drop        an observed rating is missing, with probability ``rate``
    gaussian    an observed rating has N(0, rate^2) added
    flip        an observed rating is another of the levels that occur, with probability ``rate``

Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008,
section 2.3 (``drop`` is its masking noise, over the ratings that there are). Unlike dropout on the
input, what is kept is not scaled.
"""

import torch
from torch import Tensor

from recbole_ext.data.rating_matrix import nearest_level
from recbole_ext.models.autorec.choices import Corruption


def corrupt(
    rows: Tensor, observed: Tensor, kind: Corruption, rate: float, levels: Tensor
) -> tuple[Tensor, Tensor]:
    """Corrupted rows, drawn anew at each call.

    Args:
        rows: [B, C], ratings; 0 where there is none.
        observed: [B, C], true where there is a rating.
        kind: see above.
        rate: a probability, or for ``gaussian`` a standard deviation in stars.
        levels: [L], the ratings that occur; ``flip`` needs two.

    Returns:
        the ratings [B, C], 0 where there is none, and where there is one [B, C].
    """
    if kind == "none":
        return rows, observed
    if kind == "gaussian":
        return torch.where(observed, rows + rate * torch.randn_like(rows), 0.0), observed
    hit = observed & (torch.rand_like(rows) < rate)
    if kind == "drop":
        return rows.masked_fill(hit, 0.0), observed & ~hit
    further = torch.randint_like(rows, 1, len(levels)).long()
    other = levels[(nearest_level(rows, levels) + further) % len(levels)]  # each of the others
    return torch.where(hit, other, rows), observed
