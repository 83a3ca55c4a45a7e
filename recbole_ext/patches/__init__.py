"""Where this package changes RecBole: one table of patches, and what applies them."""

from recbole_ext.patches.engine import install, states

__all__ = ["install", "states"]
