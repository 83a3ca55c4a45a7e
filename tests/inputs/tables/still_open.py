"""Inputs that do not end yet as they should: the name -> why. None may be added to it for long."""

OPEN: dict[str, str] = {}
