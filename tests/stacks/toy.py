"""A data set with something missing in every kind of field, for the comparison of stacks."""

from pathlib import Path

INTER = """user_id:token\titem_id:token\trating:float\ttimestamp:float\tcontext:token\t\
tags:token_seq\tweights:float_seq
1\t10\t3\t1\ta\tx y\t0.5 1.5
1\t11\t\t2\t\t\t
2\t10\t5\t\tb\tz\t2.5
2\t12\t1\t4\ta\tx y z\t0.1 0.2 0.3
3\t11\t\t5\t\t\t4.0
3\t12\t4\t6\tb\ty\t
4\t13\t2\t7\ta\tz x\t1.0 2.0
4\t10\t5\t8\tc\t\t
1\t13\t4\t9\tc\tx\t3.0
2\t13\t\t10\ta\ty\t1.0
"""

USER = """user_id:token\tage:token\theight:float\tlikes:token_seq\tscores:float_seq
1\t20\t1.7\tp q\t1 2
2\t\t1.6\t\t3
3\t30\t\tq\t
5\t40\t1.9\tr p\t4 5 6
"""

ITEM = """item_id:token\tyear:token\tprice:float\tgenres:token_seq\tvector:float_seq
10\t1999\t9.5\tg h\t0.1 0.2
11\t\t\t\t
12\t2001\t3.25\th\t0.3
14\t2002\t1\tg\t0.4 0.5
"""

# Each is a way to read the same files that takes another path through RecBole's data code.
READINGS: dict[str, dict] = {
    "plain": {},
    "normalised": {"normalize_all": True},
    "numerical": {"numerical_features": ["rating", "height", "price", "weights", "vector"]},
    "discretised": {
        "numerical_features": ["height", "price", "scores"],
        "discretization": {
            "height": {"method": "ED", "bucket": 3},
            "scores": {"method": "ED", "bucket": 4},
            "price": {"method": "LD"},
        },
    },
    "short sequences": {"seq_len": {"tags": 2, "vector": 1}},
    "two cores": {"user_inter_num_interval": "[2,inf)", "item_inter_num_interval": "[2,inf)"},
    "by value": {"val_interval": {"timestamp": "[2,9]"}},
    "threshold": {"threshold": {"rating": 3}},
    "last of duplicates": {"rm_dup_inter": "last"},
    "aliases": {"alias_of_user_id": ["context"]},
}


def write(folder: Path) -> None:
    """The three files, as data set ``toy`` below ``folder``."""
    place = folder / "toy"
    place.mkdir(parents=True, exist_ok=True)
    for suffix, text in (("inter", INTER), ("user", USER), ("item", ITEM)):
        (place / f"toy.{suffix}").write_text(text, encoding="utf-8")
