"""What a batch of AutoRec is: rows, of users or of items."""

from typing import Any

from recbole_ext.config import settings
from recbole_ext.data.dataloader import IdLoader, ItemLoader, UserLoader
from recbole_ext.models.autorec.settings import AutoRecSettings


def autorec_loader(config: Any) -> type[IdLoader]:
    """Rows: items or users."""
    model_settings = settings.read(AutoRecSettings, config.final_config_dict)
    return UserLoader if model_settings.orientation == "user" else ItemLoader
