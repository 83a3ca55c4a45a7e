"""The version, where setup.cfg and checkpoints read it."""

__version__ = "0.1.0"
