"""The observed ratings of a RecBole data set as sparse rows, of users or of items."""

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from recbole_ext.config.types import Orientation


class Cells(NamedTuple):
    """Some rows, of which only the cells with a rating are kept.

    Attributes:
        starts: [B], where each row's cells begin.
        row: [n], the place of each cell's row, ascending.
        columns: [n].
        values: [n].
    """

    starts: Tensor
    row: Tensor
    columns: Tensor
    values: Tensor

    @classmethod
    def of_mask(cls, observed: Tensor) -> "Cells":
        """The cells of B rows that are true, with a 1 each: [B, C]."""
        row, columns = observed.nonzero(as_tuple=True)
        counts = observed.sum(1)
        values = torch.ones(len(row), device=observed.device)
        return cls(counts.cumsum(0) - counts, row, columns, values)


class RatingMatrix(NamedTuple):
    """The observed ratings as rows in CSR form; memory is proportional to the ratings.

    Read-only: copies of a model share it, however deep they are.

    Attributes:
        starts: [rows + 1], int64; row i is at ``starts[i]:starts[i + 1]`` of the other two.
        columns: [ratings], int64.
        values: [ratings], float32; a rating of 0 is a rating.
        n_columns: C.
    """

    starts: Tensor
    columns: Tensor
    values: Tensor
    n_columns: int

    @classmethod
    def of_dataset(
        cls,
        dataset: Any,
        rating_field: str | None,
        orientation: Orientation,
        feat: Any = None,
    ) -> "RatingMatrix":
        """The ratings of one split; a user-item pair that occurs several times has their mean.

        Args:
            dataset: a RecBole ``Dataset`` whose ids are remapped.
            rating_field: the column of its interactions; None for a 1 each.
            orientation: whether a row is a user or an item.
            feat: those of its interactions to take; None for all.
        """
        feat = dataset.inter_feat if feat is None else feat
        users, items = feat[dataset.uid_field].numpy(), feat[dataset.iid_field].numpy()
        ratings = np.ones(len(users))
        if rating_field is not None:
            ratings = feat[rating_field].numpy().astype(np.float64)
        pairs, shape = (users, items), (dataset.user_num, dataset.item_num)
        if orientation == "item":
            pairs, shape = pairs[::-1], shape[::-1]
        total = csr_matrix((ratings, pairs), shape=shape)  # sums what occurs several times
        times = csr_matrix((np.ones_like(ratings), pairs), shape=shape)
        return cls(
            torch.from_numpy(total.indptr.astype(np.int64)),
            torch.from_numpy(total.indices.astype(np.int64)),
            torch.from_numpy((total.data / times.data).astype(np.float32)),
            shape[1],
        )

    @property
    def n_rows(self) -> int:
        return len(self.starts) - 1

    @property
    def device(self) -> torch.device:
        return self.starts.device

    @property
    def row_of(self) -> Tensor:
        """[ratings], the row of each rating."""
        counts = self.starts.diff()
        return torch.repeat_interleave(torch.arange(self.n_rows, device=self.device), counts)

    def to(self, device: torch.device) -> "RatingMatrix":
        """The same rows on another device."""
        return RatingMatrix(
            self.starts.to(device), self.columns.to(device), self.values.to(device), self.n_columns
        )

    def places(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Where the ratings of some rows are.

        Args:
            ids: [B], the rows.

        Returns:
            of each rating its row's place in ``ids``, ascending, and its own place in ``columns``
            and ``values``.
        """
        counts = self.starts[ids + 1] - self.starts[ids]  # [B]
        row = torch.repeat_interleave(torch.arange(len(ids), device=self.device), counts)
        in_row = torch.arange(len(row), device=self.device) - (counts.cumsum(0) - counts)[row]
        return row, self.starts[ids][row] + in_row

    def cells(self, ids: Tensor) -> Cells:
        """The ratings of some rows: [B]."""
        row, place = self.places(ids)
        counts = self.starts[ids + 1] - self.starts[ids]
        starts = counts.cumsum(0) - counts
        return Cells(starts, row, self.columns[place], self.values[place])

    def dense(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Some rows with every column.

        Args:
            ids: [B], the rows.

        Returns:
            the ratings [B, C], 0 where there is none, and whether there is one [B, C].
        """
        cells = self.cells(ids)
        rows = self.values.new_zeros(len(ids), self.n_columns)
        rows[cells.row, cells.columns] = cells.values
        observed = torch.zeros_like(rows, dtype=torch.bool)
        observed[cells.row, cells.columns] = True
        return rows, observed

    def pattern(self) -> Tensor:
        """Which rows each column has ratings in, for SVD++'s |R(c)|^(-1/2) sum over R(c).

        Returns:
            sparse, [C, rows], with 1 / sqrt(ratings of the column) for each rating.
        """
        counts = torch.bincount(self.columns, minlength=self.n_columns)
        values = counts[self.columns].to(self.values).rsqrt()
        cells = torch.stack([self.columns, self.row_of])
        shape = (self.n_columns, self.n_rows)
        return torch.sparse_coo_tensor(cells, values, shape, check_invariants=False).coalesce()

    def __deepcopy__(self, memo: dict[int, Any]) -> "RatingMatrix":
        return self


def nearest_level(ratings: Tensor, levels: Tensor) -> Tensor:
    """The number of each rating's level, whatever rounding did to it.

    Args:
        ratings: of any shape.
        levels: [L], ascending.
    """
    return torch.bucketize(ratings.contiguous(), (levels[1:] + levels[:-1]) / 2)
