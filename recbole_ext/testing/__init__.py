"""The tests that every model must pass, as a class from which the test of your model derives."""

from recbole_ext.testing.contract import ModelContract

__all__ = ["ModelContract"]
