"""Modules that stand in for ones which RecBole's dependencies import and which are gone."""
