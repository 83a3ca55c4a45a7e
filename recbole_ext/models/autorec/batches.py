"""Batches of AutoRec: the inputs of the net, and the ratings that it has to rebuild.

A row's ratings are corrupted (corruption.py), then centred (centring.py), and where
``mask_input_scale`` asks for it, which ratings there are is appended. Where ratings are many, rows
are dense; where they are few, only their cells are kept (cells.py).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_ext.data.rating_matrix import Cells, RatingMatrix
from recbole_ext.models.autorec.centring import Baseline
from recbole_ext.models.autorec.choices import Corruption
from recbole_ext.models.autorec.corruption import corrupt
from recbole_ext.models.autorec.net import AutoRecNet


class DenseBatch(NamedTuple):
    """B rows with every column.

    Attributes:
        inputs: as ``AutoRecNet.encode`` takes them.
        rows: [B, C], the centred ratings, to be rebuilt.
        observed: [B, C], true where there is a rating.
        clean, shown: [B, C], the ratings before and after corruption, not centred.
    """

    inputs: Tensor
    rows: Tensor
    observed: Tensor
    clean: Tensor
    shown: Tensor

    def outputs(self, net: AutoRecNet, hidden: Tensor) -> Tensor:
        """The net's outputs of every column, by the codes: [B, H] -> [B, C], or [B, C, K]."""
        return net.outputs(hidden)

    def error(self, net: AutoRecNet, outputs: Tensor) -> Tensor:
        """Of the observed ratings, summed over columns, averaged over rows: a scalar."""
        return net.head.error_of_rows(outputs, self.rows, self.observed)


class CellBatch(NamedTuple):
    """B rows of which only the n observed cells are kept.

    Attributes:
        inputs: as ``AutoRecNet.encode`` takes them.
        cells: the centred ratings, to be rebuilt.
    """

    inputs: Cells
    cells: Cells

    def outputs(self, net: AutoRecNet, hidden: Tensor) -> Tensor:
        """The net's outputs at the cells, by the codes: [B, H] -> [n], or [n, K]."""
        return net.outputs_of_cells(hidden, self.cells)

    def error(self, net: AutoRecNet, outputs: Tensor) -> Tensor:
        """Of the observed ratings, summed over columns, averaged over rows: a scalar."""
        return net.head.error_of_cells(outputs, self.cells.values, len(self.cells.starts))


class _Batches(NamedTuple):
    """The source of batches.

    Attributes:
        ratings: of the training split.
        baseline: of them.
        levels: [K], the ratings that occur.
        mask_input_scale: what the mask of observed ratings is multiplied by; 0 for no mask.
        global_kernel_size: neighbouring rows that belong to a row, itself included; 0 for none.
    """

    ratings: RatingMatrix
    baseline: Baseline
    levels: Tensor
    mask_input_scale: float
    global_kernel_size: int = 0


class DenseBatches(_Batches):
    """Makes batches of dense rows."""

    def batch(self, ids: Tensor, corruption: Corruption, rate: float) -> DenseBatch:
        """A batch to train on: row ids [B], and see corruption.py."""
        near = self._neighbours(ids)
        clean, observed = self.ratings.dense(near)
        shown, kept = corrupt(clean, observed, corruption, rate, self.levels)
        inputs = self._stack(self.assemble(shown, kept, self.baseline.rows[near]))
        size = self.global_kernel_size or 1
        middle = slice(size // 2, None, size)
        clean, observed, shown = clean[middle], observed[middle], shown[middle]
        rows = self.baseline.taken_from(clean, observed, self.baseline.rows[ids])
        return DenseBatch(inputs, rows, observed, clean, shown)

    def inputs(self, ids: Tensor) -> Tensor:
        """The inputs for prediction, not corrupted: [B] -> [B, inputs]."""
        near = self._neighbours(ids)
        return self._stack(self.assemble(*self.ratings.dense(near), self.baseline.rows[near]))

    def assemble(self, ratings: Tensor, observed: Tensor, row_biases: Tensor) -> Tensor:
        """The inputs for rows of any origin.

        Args:
            ratings: [B, C].
            observed: [B, C], true where there is a rating.
            row_biases: [B], of the baseline; 0 for a row that it does not know.

        Returns:
            [B, inputs].
        """
        rows = self.baseline.taken_from(ratings, observed, row_biases)
        if not self.mask_input_scale:
            return rows
        return torch.cat([rows, self.mask_input_scale * observed.to(rows)], dim=-1)

    def _neighbours(self, ids: Tensor) -> Tensor:
        """[B] -> [B * size], each row's neighbours with itself in the middle."""
        size = self.global_kernel_size or 1
        near = ids[:, None] + torch.arange(size, device=ids.device) - size // 2  # [B, size]
        # beyond the ends lies the padding row, which is empty
        return near.masked_fill((near < 0) | (near >= self.ratings.n_rows), 0).ravel()

    def _stack(self, inputs: Tensor) -> Tensor:
        """[B * size, inputs] -> [B, size, inputs] for a global kernel; else as they are."""
        size = self.global_kernel_size
        return inputs.unflatten(0, (-1, size)) if size else inputs


class CellBatches(_Batches):
    """Makes batches of observed cells; not for a global kernel."""

    def batch(self, ids: Tensor, corruption: Corruption, rate: float) -> CellBatch:
        """A batch to train on: row ids [B], and see corruption.py."""
        cells = self.ratings.cells(ids)
        observed = torch.ones_like(cells.values, dtype=torch.bool)
        shown, kept = corrupt(cells.values, observed, corruption, rate, self.levels)
        baseline = self.baseline.at(ids[cells.row], cells.columns)
        deviation = self.baseline.deviation
        centred = cells._replace(values=(cells.values - baseline) / deviation)
        values = torch.where(kept, (shown - baseline) / deviation, 0.0)
        return CellBatch(self._with_mask(cells._replace(values=values), kept), centred)

    def inputs(self, ids: Tensor) -> Cells:
        """The inputs for prediction, not corrupted: [B] -> B rows."""
        return self.batch(ids, "none", 0.0).inputs

    def _with_mask(self, cells: Cells, kept: Tensor) -> Cells:
        """Each rating and its part of the mask, which has columns of its own."""
        if not self.mask_input_scale:
            return cells
        mask = self.mask_input_scale * kept.to(cells.values)
        return Cells(
            2 * cells.starts,
            cells.row.repeat_interleave(2),
            torch.stack([cells.columns, cells.columns + self.ratings.n_columns], dim=1).ravel(),
            torch.stack([cells.values, mask], dim=1).ravel(),
        )
