"""What is measured."""

from dataclasses import dataclass
from typing import Any

from tests.benchmarks.shapes import SHAPES
from tests.benchmarks.speed.sides import Side

# As many examples as there are users, to the next power of two: smaller ones repeat few users, and
# what is computed once for each of a batch is computed for nearly every example.
AS_MANY_AS_USERS = {"1m": 2**13, "5m": 2**15, "20m": 2**17}

BOTH: tuple[Side, ...] = ("RecBole", "recbole_ext")
OURS: tuple[Side, ...] = ("recbole_ext",)


@dataclass(frozen=True)
class Case:
    """A line of the table.

    Attributes:
        name: what it is called.
        unit: of its value; of seconds, less is better.
        work: ``module:function`` of this folder.
        arguments: of the function, after the side.
        sides: who runs it.
    """

    name: str
    unit: str
    work: str
    arguments: tuple[Any, ...]
    sides: tuple[Side, ...] = BOTH


def of_ml_100k(data_path: str) -> list[Case]:
    """Those on ml-100k; ``data_path`` has its grid."""
    return [
        *(
            Case(f"NCFMLP, training, batch {n:,}", "examples/s", "small:training", (n,))
            for n in (2048, 8192)
        ),
        *(
            Case(f"NCFMLP, full ranking, batch {n:,}", "s", "small:evaluation", (n,))
            for n in (4096, 409_600)
        ),
        Case("NCFMLP, grid", "cells/s", "small:grid", (data_path,)),
        *(
            Case(f"AutoRec by {of}s, epoch, batch {n:,}", "s", "small:autoencoder", (of, n))
            for n in (256, 2048)
            for of in ("user", "item")
        ),
    ]


def of_scale(data_path: str) -> list[Case]:
    """Those on made-up data, which is in ``data_path``."""
    name = f"{SHAPES['1m'].ratings:,} ratings: NCFMLP, an epoch"
    made = [Case(name, "NDCG@10", "scale:quality", ("1m", data_path))]
    for shape in ("1m", "5m", "20m"):
        name, at = f"{SHAPES[shape].ratings:,} ratings", (shape, data_path)
        sides = BOTH if shape == "20m" else OURS
        made += [
            Case(f"{name}: first step", "s", "scale:first_step", (*at, False), sides),
            Case(f"{name}: first step, cached", "s", "scale:first_step", (*at, True), OURS),
            *(
                Case(
                    f"{name}: {model}, first step{', cached' if cached else ''}",
                    "s",
                    "scale:first_step",
                    (*at, cached, model),
                    OURS,
                )
                for model in ("BPR", "AutoRec")
                for cached in (False, True)
            ),
            Case(
                f"{name}: NCFMLP, batch 8,192",
                "examples/s",
                "scale:training",
                (*at, 8192, 20),
                sides,
            ),
            Case(
                f"{name}: NCFMLP, a batch of as many examples as users",
                "examples/s",
                "scale:training",
                (*at, AS_MANY_AS_USERS[shape], 10),
                OURS,
            ),
        ]
        for of in ("item", "user"):
            told = (*at, of)
            made += [
                Case(f"{name}: AutoRec by {of}s, epoch", "s", "scale:autorec_epoch", told, OURS),
                Case(f"{name}: AutoRec by {of}s, RMSE", "s", "scale:autorec_rmse", told, OURS),
            ]
    return made
