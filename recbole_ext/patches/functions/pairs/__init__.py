"""Scores of all pairs of users and items by a model that scores pairs, each part computed once."""
