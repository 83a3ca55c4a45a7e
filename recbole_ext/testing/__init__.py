"""For the tests of a model of one's own: what every model must do, as a class to derive from."""

from recbole_ext.testing.contract import ModelContract

__all__ = ["ModelContract"]
