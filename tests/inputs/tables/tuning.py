"""`recbole-ext tune`: the model, the data set, the time, the metric, the file."""

from tests.inputs.case import WORKS, Input

_TUNE = "ext tune AutoRec tiny --minutes 0.01"

INPUTS = [
    Input("a tuning of nothing", "ext tune", 2, "Missing argument 'MODEL'"),
    Input("a tuning without a data set", "ext tune AutoRec", 2, "Missing argument 'DATASET'"),
    Input("a tuning of a model without a portfolio", "ext tune BPR tiny", 2, "BPR: there is no portfolio ... recbole-ext search"),
    Input("a tuning of an unknown model", "ext tune AutoRek tiny", 2, "AutoRek ... did you mean AutoRec"),
    Input("a tuning on an unknown data set", "ext tune AutoRec tinny", 2, "tinny ... did you mean tiny"),
    Input("a tuning in no time", "ext tune AutoRec tiny --minutes 0", 2, "'--minutes': 0.0 is not in the range"),
    Input("a tuning in words of time", "ext tune AutoRec tiny --minutes ten", 2, "'--minutes': 'ten' is not a valid"),
    Input("a tuning in endless time", "ext tune AutoRec tiny --minutes inf", 2, "--minutes"),
    Input("a tuning by an unknown metric", _TUNE + " --metric NDGC@10", 2, "NDGC ... did you mean"),
    Input("a tuning by a metric without its cutoff", _TUNE + " --metric NDCG", 2, "NDCG: expected a metric such as NDCG@10"),
    Input("a tuning by a metric that no portfolio is for", "ext tune NCFMLP tiny --metric RMSE", 2, "RMSE: the portfolio of NCFMLP is for rankings"),
    Input("a tuning by two metrics", _TUNE + " --metric RMSE --valid_metric=MAE", 2, "--metric: found RMSE, but valid_metric: MAE"),
    Input("a tuning with a misspelt setting", _TUNE + " --reg_wait=1", 2, "reg_wait ... did you mean reg_weight"),
    Input("a tuning with a wrong setting", _TUNE + " --reg_weight=-1", 2, "reg_weight: expected"),
    Input("a tuning with its settings first", "ext tune --reg_weight=1 AutoRec tiny", 2, "write MODEL and DATASET before the settings"),
    Input("a tuning without validation", _TUNE + " \"--eval_args={'split': {'RS': [0.9, 0, 0.1]}}\"", 2, "eval_args: split"),
    Input("a tuning with a file that is not there", _TUNE + " --config_files=no.yaml", 2, "no.yaml: cannot be read"),
    Input("a tuning into a folder that is not there", _TUNE + " --output no/tuned.yaml", 2, "no"),
    Input("a tuning into its own runs", _TUNE + " --output tuned.jsonl", 2, "write NAME.yaml"),
    Input("a tuning with runs of something else beside it", _TUNE, 2, "tuned.jsonl, line 1: expected a run", files={"tuned.jsonl": "{\n"}),
    Input("a tuning", _TUNE, WORKS, "Settings of AutoRec for tiny ... next: run_recbole", process=True),
]  # fmt: skip
