"""The version, where setup.cfg and checkpoints read it."""

VERSION = "0.1.0"
