"""The version, where setup.cfg and checkpoints read it."""

__version__ = "0.2.0"
