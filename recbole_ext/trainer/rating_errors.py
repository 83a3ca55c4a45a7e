"""The errors of predicted ratings, beside a ranking: one model, evaluated in both ways."""

from typing import Any

import torch


@torch.no_grad()
def of_part(model: Any, data: Any, rating_field: str, batch_size: int) -> dict[str, float]:
    """RMSE and MAE of the ratings of a part, as RecBole computes them.

    Args:
        model: predicts ratings by ``predict``; in evaluation mode.
        data: the loader of the part, by which a ranking is evaluated.
        rating_field: the column with the ratings.
        batch_size: pairs that are predicted at a time.

    Returns:
        rmse and mae.
    """
    feat = data._dataset.inter_feat
    truth = feat[rating_field].double()
    predicted = [
        model.predict(feat[place].to(model.device)).double().cpu()
        for place in torch.arange(len(feat)).split(batch_size)
    ]
    errors = torch.cat(predicted) - truth.cpu()
    return {"rmse": float(errors.square().mean().sqrt()), "mae": float(errors.abs().mean())}
