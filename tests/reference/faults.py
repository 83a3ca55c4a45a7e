"""What is known to be wrong: a minimal run for each fault, and how it shows.

A fault that is mended leaves ``KNOWN_FAULTS`` in test_differential.py; its run stays here.
"""

from dataclasses import replace

from tests.reference.case import Case

HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float"


def inter(*rows: str, header: str = HEADER) -> dict[str, str]:
    """A data set of rows whose columns are separated by spaces."""
    return {"inter": "\n".join([header, *("\t".join(row.split()) for row in rows)]) + "\n"}


# u1 has a, b, c; u2 has b, c, d; u3 has a, d, e
ROWS = (
    *("u1 a 5 1", "u1 b 4 2", "u1 c 3 3"),
    *("u2 b 2 4", "u2 c 5 5", "u2 d 1 6"),
    *("u3 a 3 7", "u3 d 2 8", "u3 e 4 9"),
)
LAST = {"split": {"LS": "test_only"}, "order": "TO", "group_by": "user", "mode": "full"}
ALL = ("NDCG", "Recall")
PLAIN = Case("BPR", inter(*ROWS), LAST, ALL)


def rows(*changed: str, model: str = "BPR") -> Case:
    return replace(PLAIN, model=model, files=inter(*ROWS, *changed))


def protocol(
    model: str = "BPR", metrics: tuple[str, ...] = ALL, topk: int = 2, **args: object
) -> Case:
    return replace(PLAIN, model=model, eval_args={**LAST, **args}, metrics=metrics, topk=(topk,))


LABELS = inter(*(f"{row} {int(row[3] != 'e')}" for row in ROWS), header=HEADER + "\tlabel:float")
LATEST_FIRST = inter(*(f"{row[:7]}{1_600_000_010 - n}" for n, row in enumerate(ROWS)))

FAULTS: dict[str, Case] = {
    # reading
    "missing_names": rows("NA a 5 10", "NA null 4 11"),
    "quotes": rows('"u4 a 5 10', "u5 b 4 11", 'u6" c 4 12'),
    "bad_lines": rows("u4 a inf 10", "u4 b 1e39 11"),
    "rm_dup_ties": replace(
        PLAIN,
        model="AutoRec",
        files=inter(
            *(f"u{n % 5} i{n % 8} {1 + n // 40} {n % 2}" for n in range(80)), "owner i9 3 0"
        ),
        settings={"rm_dup_inter": "last"},
    ),
    # splits
    "float32_time": replace(PLAIN, files=LATEST_FIRST),
    "time_token": replace(
        PLAIN, files={"inter": LATEST_FIRST["inter"].replace("timestamp:float", "timestamp:token")}
    ),
    "ts_random_order": protocol(split={"TS": [0.4, 0.2, 0.4]}, order="RO"),
    "ts_rounding": replace(
        protocol(split={"TS": [0.6, 0.2, 0.2]}),
        files=inter(*(f"u1 {n} 5 {n}" for n in range(4)), "u2 a 5 0", "u2 b 5 9"),
    ),
    "empty_part": protocol(split={"RS": [1, 0, 0]}),
    "negative_ratio": protocol(split={"RS": [1.2, -0.1, -0.1]}),
    "two_ratios": protocol(split={"RS": [0.8, 0.2]}),
    "split_typo": protocol(split={"LS": "leave_one"}),
    "order_typo": protocol(order="OT"),
    "all_items": rows("u1 d 3 10", "u1 e 4 11"),
    # candidates
    "drawn_twice": protocol(mode="uni2"),
    "no_negatives": protocol(mode="uni0"),
    "values_of_drawn": replace(
        protocol(metrics=("RMSE",), mode="uni1"), settings={"LABEL_FIELD": "rating"}
    ),
    "ranking_of_labeled": protocol(mode="labeled"),
    "topk_beyond": protocol(topk=6),
    # scores
    "clipped_ranking": protocol("AutoRec", mode="uni1"),
    "pop_counts": protocol("Pop"),
    # metrics
    "label_0": replace(PLAIN, files=LABELS),
    "padding_counted": protocol(metrics=("ItemCoverage", "GiniIndex")),
    "entropy_divided": protocol(metrics=("ShannonEntropy",)),
    "short_lists": protocol(metrics=("AveragePopularity", "TailPercentage"), topk=5),
    "auc_of_ratings": protocol("AutoRec", metrics=("AUC", "LogLoss"), mode="labeled"),
    "one_test_row": replace(
        protocol("AutoRec", metrics=("RMSE",), mode="labeled"), files=inter(*ROWS[:4], *ROWS[7:8])
    ),
    "valid_metric_absent": replace(
        protocol(split={"LS": "valid_and_test"}), settings={"valid_metric": "Hit@10"}
    ),
}
