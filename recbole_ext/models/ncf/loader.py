"""What a batch of the NCF models is: interactions, or users with all items."""

from typing import Any

from recbole.data.dataloader.abstract_dataloader import AbstractDataLoader

from recbole_ext.data.dataloader import InteractionLoader, PositiveLoader, UserLoader


def ncf_loader(config: Any) -> type[AbstractDataLoader]:
    """Users where each is trained with all items; else interactions."""
    return {"all": UserLoader, "in_batch": PositiveLoader, "sampled": InteractionLoader}[
        config["negatives"]
    ]
