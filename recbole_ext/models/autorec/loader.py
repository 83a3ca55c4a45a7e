"""What a batch of AutoRec is: rows, of users or of items."""

from typing import Any

from recbole_ext.data.dataloader import IdLoader, ItemLoader, UserLoader
from recbole_ext.models.autorec.settings import read_settings


def autorec_loader(config: Any) -> type[IdLoader]:
    """Rows: items or users."""
    model_settings = read_settings(config.final_config_dict)
    return UserLoader if model_settings.orientation == "user" else ItemLoader
