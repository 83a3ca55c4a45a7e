"""Each evaluation that has no meaning is one line of `run_recbole`, before anything starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.cli import run
from recbole_ext.config import settings as config_settings
from recbole_ext.errors import SettingError
from recbole_ext.evaluator import evaluation_settings, metrics
from tests import runs

QUIET = ("--show_progress=False", "--state=ERROR", "--data_path=dataset", "--epochs=1")
CONFIGS = Path(__file__).parents[2] / "configs"


def refusal(*words: str, model: str = "BPR") -> str:
    """What a command prints that ends with status 2, in one line."""
    command = [f"--model={model}", "--dataset=made", *QUIET, *words]
    result = CliRunner().invoke(run.main, command, catch_exceptions=False)
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert not Path("saved").exists(), lines
    assert lines[-1].startswith("error: ")
    assert "Traceback" not in result.output
    return lines[-1].removeprefix("error: ")


SHARES = "the shares of training, validation and test, such as [0.8, 0.1, 0.1]"
MODES = "full, labeled, uniN or popN (N negatives for each row, at least 1)"

REFUSED = [
    # metrics
    (["--metrics=NDGC"], "metrics: RecBole has no metric NDGC; did you mean NDCG?"),
    (
        ["--metrics=['NDCG@10']"],
        "metrics: expected names without a cutoff, found NDCG@10; write NDCG, and the cutoffs in "
        "topk",
    ),
    (
        ["--metrics=['NDCG','RMSE']"],
        "metrics: NDCG are of rankings and RMSE of predicted values; a run can compute one kind: "
        "keep either",
    ),
    # the metric that chooses the epoch
    (
        ["--metrics=NDCG"],
        "valid_metric: expected a metric that the run computes, found MRR@10; write valid_metric: "
        "NDCG@10, or add MRR@10 to metrics and topk",
    ),
    (
        ["--topk=5"],
        "valid_metric: expected a metric that the run computes, found MRR@10; write valid_metric: "
        "MRR@5, or another one of MRR@5, Recall@5, NDCG@5, Hit@5, Precision@5, or add MRR@10 to "
        "metrics and topk",
    ),
    (
        ["--metrics=GAUC", "--valid_metric=GAUC@10"],
        "valid_metric: expected a metric that the run computes, found GAUC@10; write "
        "valid_metric: GAUC, or add GAUC@10 to metrics and topk",
    ),
    (
        ["--valid_metric=NDGC@10"],
        "valid_metric: RecBole has no metric NDGC@10; did you mean NDCG?",
    ),
    (
        ["--valid_metric="],
        "valid_metric: expected the metric that chooses the best epoch, found ''; write "
        "valid_metric: Recall@10, or another one of Recall@10, MRR@10, NDCG@10, Hit@10, "
        "Precision@10",
    ),
    (
        ["--valid_metric=RMSE"],
        "valid_metric: expected a metric that the run computes, found RMSE; write valid_metric: "
        "Recall@10, or another one of Recall@10, MRR@10, NDCG@10, Hit@10, Precision@10, or add "
        "RMSE to metrics and topk",
    ),
    # cutoffs
    *(
        (
            [f"--topk={found}"],
            "topk: expected a whole number at least 1, or a list of them, found "
            f"{shown}; write topk: [10]",
        )
        for found, shown in (
            ("[]", "[]"),
            ("[0]", "[0]"),
            ("[-5]", "[-5]"),
            ("5,10", "(5, 10)"),
            ("[2.5]", "[2.5]"),
            ("ten", "'ten'"),
            ("None", "None"),
        )
    ),
    # modes
    *(
        (
            [f"--eval_args={{'mode': {mode!r}}}"],
            f"eval_args: mode: expected {MODES}, found {mode!r}{advice}",
        )
        for mode, advice in (
            ("uni0", "; write mode: uni100"),
            ("uni-5", "; write mode: uni100"),
            ("pop", "; write mode: pop100"),
            ("ful", "; did you mean full?"),
            ("labelled", "; did you mean labeled?"),
            ("sampled", ""),
        )
    ),
    (
        ["--eval_args={'mode': {'validation': 'full'}}"],
        "eval_args: mode: expected a mode, or one for valid and one for test, found {'validation': "
        "'full'}; write mode: {valid: full, test: uni100}",
    ),
    (
        ["--eval_args={'mode': 'labeled'}"],
        "eval_args: mode: Recall, MRR, NDCG, Hit, Precision are of rankings, expected full, uniN "
        "or popN, found labeled; write eval_args: {mode: full}, or metrics: [RMSE] and "
        "valid_metric: RMSE",
    ),
    *(
        (
            ["--metrics=RMSE", "--valid_metric=RMSE", f"--eval_args={{'mode': {mode}}}"],
            "eval_args: mode: RMSE compare predictions with labels, expected mode: labeled, found "
            f"{shown}; write eval_args: {{mode: labeled}}, or metrics: [NDCG] and valid_metric: "
            "NDCG@10",
        )
        for mode, shown in (
            ("'full'", "full"),
            ("'uni5'", "uni5"),
            ("'pop5'", "pop5"),
            ("{'valid': 'labeled', 'test': 'uni5'}", "uni5 (test)"),
        )
    ),
    # splits
    (
        ["--eval_args=full"],
        "eval_args: expected a dict of split, order, group_by, mode, found 'full'; write "
        "eval_args: {mode: full}",
    ),
    (
        ["--eval_args={'spilt': {'LS': 'test_only'}}"],
        "eval_args: expected split, order, group_by, mode, found spilt; did you mean split?",
    ),
    (
        ["--eval_args={'split': 'LS'}"],
        "eval_args: split: expected one of RS (random or by order), LS (leave one out), TS (by a "
        "moment), found 'LS'; write split: {RS: [0.8, 0.1, 0.1]}",
    ),
    (
        ["--eval_args={'split': {'RO': [0.8, 0.1, 0.1]}}"],
        "eval_args: split: expected RS, LS or TS, found 'RO'",
    ),
    *(
        (
            [f"--eval_args={{'split': {{'RS': {how}}}}}"],
            f"eval_args: split: RS: expected three numbers: {SHARES}, found {how}",
        )
        for how in ("[0.8, 0.1]", "[1.2, -0.1, -0.1]", "0.8", "['0.8', '0.1', '0.1']")
    ),
    (
        ["--eval_args={'split': {'RS': [0, 0, 1]}}"],
        "eval_args: split: RS: expected a share of training above 0, found [0, 0, 1]; write RS: "
        "[0.8, 0.1, 0.1]",
    ),
    *(
        (
            [f"--eval_args={{'split': {split}}}"],
            f"eval_args: split: expected a test part, found {split}, which has none; write "
            "{RS: [0.8, 0.1, 0.1]} or {LS: valid_and_test}",
        )
        for split in ("{'RS': [1, 0, 0]}", "{'RS': [0.9, 0.1, 0]}", "{'LS': 'valid_only'}")
    ),
    (
        ["--eval_args={'split': {'LS': 'valid_and_tset'}}"],
        "eval_args: split: LS: expected valid_and_test, valid_only or test_only, found "
        "'valid_and_tset'; did you mean valid_and_test?",
    ),
    (
        ["--eval_args={'order': 'time'}"],
        "eval_args: order: expected RO, or TO for by time, found 'time'",
    ),
    (
        ["--eval_args={'group_by': 'users'}"],
        "eval_args: group_by: expected user, or none, found 'users'; did you mean user?",
    ),
    (
        ["--eval_args={'order': 'TO'}"],
        "eval_args: order: TO needs the time of each interaction, expected the column timestamp "
        "(TIME_FIELD) among those loaded, found user_id, item_id; write load_col: {inter: "
        "[user_id, item_id, timestamp]}, or eval_args: {order: RO}",
    ),
    (
        ["--benchmark_filename=['train','test']"],
        "benchmark_filename: expected three names, of the training, validation and test file, "
        "found ['train', 'test']; write benchmark_filename: [train, valid, test]",
    ),
    # what only the data show
    (
        ["--topk=[5,21]", "--valid_metric=NDCG@5"],
        "topk: expected at most 20, the number of items in made, found 21; write topk: [10], and "
        "the same in valid_metric",
    ),
    (
        ["--threshold={'rating': 4}", "--load_col={'inter': ['user_id', 'item_id', 'rating']}"],
        "threshold: 194 of 239 training rows have label 0, and BPR would train on them as on those "
        'with 1; leave them out by val_interval: {rating: "[4,inf)"} instead of threshold',
    ),
]


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=[" ".join(w) for w, _ in REFUSED])
def test_an_evaluation_without_a_meaning_is_one_line(words, message, ratings):
    assert refusal(*words) == message


def test_an_order_by_time_needs_a_column_of_times():
    home = Path("dataset/made")
    home.mkdir(parents=True)
    rows = "".join(f"u{u}\ti{i}\n" for u in range(3) for i in range(u, u + 4))
    (home / "made.inter").write_text("user_id:token\titem_id:token\n" + rows)
    columns = "--load_col={'inter': ['user_id', 'item_id', 'timestamp']}"
    for load in (columns, "--load_col=None"):
        assert refusal("--eval_args={'order': 'TO'}", load) == (
            "dataset/made/made.inter, line 1: no column timestamp (found user_id, item_id) to "
            "order by; name the column in TIME_FIELD, or write eval_args: {order: RO}"
        )


LABELED = ("--metrics=['AUC','LogLoss']", "--valid_metric=AUC")


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        (
            "AutoRec",
            LABELED,
            "metrics: AUC, LogLoss compare with labels 0 and 1, found rating 1, 2, 3, 4, 5 in the "
            "validation part; write metrics: [RMSE] and valid_metric: RMSE, or threshold: "
            "{rating: 4} for labels made of ratings",
        ),
        (
            "AutoRec",
            ("--metrics=NDCG", "--valid_metric=NDCG@10"),
            "eval_args: mode: NDCG are of rankings, expected full, uniN or popN, found labeled; "
            "write eval_args: {mode: full}, or metrics: [RMSE] and valid_metric: RMSE",
        ),
        (
            "FM",
            (),
            "metrics: AUC, LogLoss compare with label (LABEL_FIELD), found no such column loaded "
            "(there are user_id, item_id); write threshold: {rating: 4} for labels made of "
            "ratings, or LABEL_FIELD: rating",
        ),
        (
            "NeuMF",
            ("--threshold={'rating': 4}", "--load_col={'inter':['user_id','item_id','rating']}"),
            "threshold: 194 of 239 training rows have label 0, and NeuMF would train on them as on "
            'those with 1; leave them out by val_interval: {rating: "[4,inf)"} instead of '
            "threshold; or train on the labels as they are by train_neg_sample_args: ~",
        ),
    ],
)
def test_a_model_asks_for_what_it_needs(model, words, message, ratings):
    assert refusal(*words, model=model) == message


# --- what is accepted -----------------------------------------------------------------------


def config(model: str = "BPR", **given):
    from recbole.config import Config

    return Config(model, "made", config_dict={"data_path": "dataset", **given})


def test_eval_args_are_merged_key_by_key(ratings):
    whole = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"}
    labeled = {"valid": "labeled", "test": "labeled"}
    merged = config("AutoRec", eval_args={"order": "RO"})["eval_args"]
    assert merged == {**whole, "mode": labeled}
    of_sequences = config(
        "GRU4Rec",
        eval_args={"mode": "uni5"},
        train_neg_sample_args=None,
        load_col={"inter": ["user_id", "item_id", "timestamp"]},
    )["eval_args"]
    assert of_sequences["split"] == {"LS": "valid_and_test"}
    assert of_sequences["order"] == "TO"
    assert of_sequences["mode"] == {"valid": "uni5", "test": "uni5"}


def test_the_eval_args_of_a_yaml_a_data_set_and_the_command_line_are_merged(ratings):
    from recbole.config import Config

    Path("dataset/made/made.yaml").write_text("eval_args: {group_by: none, order: TO}\n")
    Path("mine.yaml").write_text("eval_args: {order: RO, mode: uni5}\n")
    merged = Config(
        "BPR",
        "made",
        config_file_list=["mine.yaml"],
        config_dict={"data_path": "dataset", "eval_args": {"mode": "uni7"}},
    )["eval_args"]
    assert merged == {
        "split": {"RS": [0.8, 0.1, 0.1]},
        "order": "RO",
        "group_by": "none",
        "mode": {"valid": "uni7", "test": "uni7"},
    }


FITS = {
    "metrics": ["NDCG"],
    "topk": [10],
    "valid_metric": "ndcg@10",
    "eval_args": {"split": {"RS": [6, 3, 1]}, "order": "RO", "group_by": None, "mode": "full"},
}


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({}, (True, True)),
        ({"split": {"RS": [0.8, 0, 0.2]}}, (False, True)),
        ({"split": {"LS": "test_only"}}, (False, True)),
        ({"split": {"LS": "valid_only"}}, (True, False)),
        ({"mode": {"test": "pop3"}, "group_by": "None"}, (True, True)),
    ],
)
def test_the_parts_of_a_split(changed, parts):
    read = evaluation_settings.read({**FITS, "eval_args": {**FITS["eval_args"], **changed}})
    assert (read.has_validation, read.has_test) == parts
    assert read.modes["valid"] == read.modes["test"]


def test_din_is_evaluated_as_recbole_means_it(ratings):
    """AUC and LogLoss of a user's items against drawn ones."""
    load = {"inter": ["user_id", "item_id", "timestamp"]}
    found = evaluation_settings.read(config("DIN", load_col=load).final_config_dict)
    assert (found.metrics, found.modes["test"]) == (("auc", "logloss"), "uni100")
    with pytest.raises(SettingError, match="RMSE compare predictions with labels"):
        config("DIN", load_col=load, metrics=["RMSE"], valid_metric="RMSE")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=8) | st.from_regex(r"(uni|pop)-?\d{0,3}", fullmatch=True))
def test_a_mode_is_read_as_recbole_reads_it_or_refused(mode):
    values = {**FITS, "eval_args": {**FITS["eval_args"], "mode": mode}}
    number = mode[3:] if mode[:3] in ("uni", "pop") else ""
    draws = number.isascii() and number.isdigit() and number[0] != "0"
    if mode == "full" or draws:
        assert evaluation_settings.read(values).draws("test") == draws
    else:
        with pytest.raises(SettingError, match=r"^eval_args: mode: expected full, .*$"):
            evaluation_settings.read(values)


def test_the_names_of_results_are_those_of_recbole(ratings):
    """Each metric that can be computed in a run has the name that is expected of it."""
    rankings = ["NDCG", "Hit", "GAUC", "ItemCoverage", "AveragePopularity", "GiniIndex"]
    run = runs.prepare("BPR", metrics=rankings, topk=[2, 5], valid_metric="GAUC", embedding_size=2)
    _, result = run.fit()
    assert list(result) == metrics.result_names([name.lower() for name in rankings], [2, 5])


def configs() -> Iterator[tuple[str, str, dict]]:
    """File, model and settings of each config, and of each search on a data set as it is."""
    names = {"autorec": "AutoRec", "ncf_gmf": "NCFGMF", "ncf_neumf": "NCFNeuMF"}
    for path in sorted(CONFIGS.rglob("*.yaml")):
        content, file = config_settings.load(path), str(path.relative_to(CONFIGS))
        if content.get("datasets") == ["ml-100k"] and "base" in content:
            yield file, content["model"], content["base"]
        elif "datasets" not in content:
            model = next((names[name] for name in names if path.stem.startswith(name)), "NCFMLP")
            yield file, model, content


@pytest.mark.parametrize(("file", "model", "content"), configs(), ids=lambda value: str(value)[:40])
def test_the_configs_fit(file, model, content, ratings):
    load = {"inter": ["user_id", "item_id", "rating"]}
    evaluation_settings.read(config(model, **{"load_col": load, **content}).final_config_dict)
