"""The values of users over the runs of a model: each user has one, however often it was tested."""

from collections.abc import Sequence

import numpy as np

from recbole_ext.experiments.results import Result


def values_of_users(metric: str, runs: Sequence[Result]) -> np.ndarray | None:
    """[users], the mean of each user over a model's runs; None if a run lacks values of users."""
    if not runs or any(metric not in run.users for run in runs):
        return None
    return mean_over_runs(runs, [run.users[metric] for run in runs])


def mean_over_runs(
    runs: Sequence[Result], values: Sequence[Sequence[float | None]]
) -> np.ndarray | None:
    """The mean of each user over those runs that have a value for the user.

    Folds test different users: a user's mean is over the folds that test the user. So a test of
    these means counts each user once; folds, whose training parts overlap, are no samples of it.

    Args:
        runs: of a model, at least one.
        values: of each run, [users of the run]; None where a user has no value.

    Returns:
        [users], nan for a user without a value; in the order of the runs, or of folds in the
        order of the users' ids. None where the runs tested different users and have no ids.
    """
    if all(run.user_list for run in runs):
        users = sorted({user for run in runs for user in run.user_list})
        place = {user: number for number, user in enumerate(users)}
        table = np.full((len(runs), len(users)), np.nan)
        for row, run, own in zip(table, runs, values, strict=True):
            row[[place[user] for user in run.user_list]] = np.array(own, dtype=float)
    else:
        lengths = {len(own) for own in values}
        if len(lengths) > 1 or len({run.user_ids for run in runs if run.user_ids}) > 1:
            return None
        table = np.array(values, dtype=float)
    known = ~np.isnan(table)
    if known.all():
        return table.mean(axis=0)
    counts = known.sum(axis=0)
    sums = np.where(known, table, 0.0).sum(axis=0)
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
