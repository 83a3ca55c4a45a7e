"""The page of all settings is what their classes say."""

from pathlib import Path

import recbole_ext
from recbole_ext.registry.settings_page import page

FILE = Path(recbole_ext.__file__).parents[1] / "docs" / "settings.md"


def test_the_page_is_what_the_settings_say():
    assert FILE.read_text() == page(), (
        "python -m recbole_ext.registry.settings_page > docs/settings.md"
    )


def test_a_row_has_default_range_and_meaning():
    assert (
        "| `dropout_prob` | `0.5` | float in [0, 1) | The dropout rate on the hidden units. |"
        in page()
    )
    assert "| `unseen_rating` | `~` | float or ~ |" in page()
    assert "| `mlp_hidden_size` | `[500]` | list of int at least 1, not empty |" in page()
