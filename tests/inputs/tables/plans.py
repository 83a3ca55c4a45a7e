"""Plans of benchmarks and searches, and the results that they go on from."""

import json
from typing import Any

from tests.inputs.case import WORKS, Input
from tests.inputs.tables.folders import PLAN, SEARCH

BENCHMARK = "ext benchmark plan.yaml"
SEARCHES = "ext search plan.yaml"


def _without(key: str, text: str = PLAN) -> str:
    return "".join(line for line in text.splitlines(True) if not line.startswith(key))


def _with(old: str, new: str) -> str:
    assert old in PLAN
    return PLAN.replace(old, new)


MODEL = "  Pop: {model: Pop}\n"

# A benchmark's plan: the text, and what the message says after the file's name.
PLANS = {
    "without data sets": (_without("datasets"), "datasets: expected"),
    "without protocols": (_without("protocols"), "protocols: expected"),
    "without seeds": (_without("seeds"), "seeds: expected"),
    "without models": (_without("  Pop", _without("models")), "models: expected"),
    "with nothing below models": (_without("  Pop"), "models: expected"),
    "with no data set": (_with("[tiny]", "[]"), "datasets: expected"),
    "with a data set that is no list": (_with("[tiny]", "tiny"), "datasets: expected a list"),
    "with an unknown data set": (_with("tiny", "tinny"), "tinny"),
    "with a data set twice": (_with("[tiny]", "[tiny, tiny]"), "datasets: 'tiny' is there twice"),
    "with protocols as a list": (_with("{default: NDCG@10}", "[default]"), "protocols: expected"),
    "with an unknown protocol": (_with("default", "full"), "protocols: full: expected one of"),
    "with an unknown metric": (_with("NDCG@10", "NDCG@7"), "protocols: default: expected one of NDCG@10"),
    "with a metric without its cutoff": (_with("NDCG@10", "NDCG"), "protocols: default: expected one of NDCG@10"),
    "with a protocol for no model": (_with("default: NDCG@10", "rating: RMSE"), "protocols: expected one that suits a model"),
    "with a seed as a text": (_with("[1]", "['1']"), "seeds: expected"),
    "with a seed below zero": (_with("[1]", "[-1]"), "seeds: expected"),
    "with a seed beyond numpy's": (_with("[1]", "[4294967296]"), "seeds"),
    "with one seed that is no list": (_with("[1]", "1"), "seeds: expected a list"),
    "with a seed twice": (_with("[1]", "[1, 1]"), "seeds: 1 is there twice"),
    "with no time": (PLAN + "timeout: 0\n", "timeout: expected"),
    "with a time in words": (PLAN + "timeout: 1h\n", "timeout: expected ... '1h'"),
    "with no trials": (PLAN + "trials: 0\n", "trials: expected"),
    "with an unknown key": (PLAN + "modles: {}\n", "modles: expected one of ... did you mean models"),
    "with an unknown model": (_with("model: Pop", "model: Popp"), "Popp ... did you mean Pop"),
    "with a model in lower case": (_with("model: Pop", "model: bpr"), "bpr ... did you mean BPR"),
    "with a model that is a name alone": (_with("{model: Pop}", "Pop"), "models: Pop: expected"),
    "with a model without its name": (_with("{model: Pop}", "{}"), "models: Pop: model: expected"),
    "with models as a list": (_with(MODEL, "  - model: Pop\n"), "models: expected"),
    "with a misspelt part of a model": (_with("model: Pop", "model: Pop, setings: {}"), "models: Pop: setings: expected one of"),
    "with a misspelt setting": (_with("model: Pop", "model: BPR, settings: {epohcs: 1}"), "models: Pop: settings: epohcs ... did you mean epochs"),
    "with a wrong setting": (_with("model: Pop", "model: BPR, settings: {epochs: many}"), "models: Pop: settings: epochs: expected"),
    "with a wrong setting of ours": (_with("model: Pop", "model: NCFMLP, settings: {loss_type: X}"), "models: Pop: settings: loss_type: expected"),
    "with a setting that the protocol decides": (_with("model: Pop", "model: BPR, settings: {topk: [5]}"), "models: Pop: settings: topk: the protocol"),
    "with a metric among the settings": (PLAN + "settings: {metrics: [NDCG]}\n", "settings: metrics: the protocol"),
    "with a space without trials": (_with("model: Pop", "model: BPR, space: {epochs: [1]}"), "models: Pop: space: how many"),
    "with a space of one value": (_with("model: Pop", "model: BPR, space: {epochs: 1}") + "trials: 1\n", "models: Pop: space: epochs: expected a list"),
    "with an empty space": (_with("model: Pop", "model: BPR, space: {epochs: []}") + "trials: 1\n", "models: Pop: space: epochs: expected"),
    "with a wrong value in a space": (_with("model: Pop", "model: BPR, space: {epochs: [-1]}") + "trials: 1\n", "models: Pop: space: epochs: expected"),
    "with a value twice in a space": (_with("model: Pop", "model: BPR, space: {epochs: [1, 1]}") + "trials: 1\n", "models: Pop: space: epochs: 1 is there twice"),
    "with a size beyond memory": (_with("model: Pop", "model: BPR, settings: {embedding_size: 1000000000000}"), "embedding_size"),
    "with a config that is not there": (_with("model: Pop", "model: BPR, config: no.yaml"), "no.yaml: cannot be read"),
    "with a checkpoint of nothing": (_with("model: Pop", "model: NCFNeuMF, settings: {pretrain: {gmf: checkpoint of A, mlp: checkpoint of B}}"), "models: Pop: checkpoint of A: expected one of the models"),
    "with an ensemble of one": (_with("{model: Pop}", "{model: Pop}\n  E: {model: Ensemble, settings: {members: [checkpoint of Pop]}}"), "models: E: members: expected two models or more, found Pop"),
    "with an ensemble of itself": (_with("{model: Pop}", "{model: Pop}\n  E: {model: Ensemble, settings: {members: [checkpoint of Pop, checkpoint of E]}}"), "models: E: checkpoint of E: expected one of the models"),
    "with a member twice": (_with("{model: Pop}", "{model: Pop}\n  E: {model: Ensemble, settings: {members: [checkpoint of Pop, checkpoint of Pop]}}"), "models: E: members: 'checkpoint of Pop' is there twice"),
    "with an empty list of models": (_with("model: Pop", "model: []"), "models: Pop: model: expected"),
    "with a model twice in a list": (_with("model: Pop", "model: [BPR, BPR]"), "models: Pop: model: 'BPR' is there twice"),
    "with two lines of a name": (PLAN + "  more: {model: [Pop]}\n", "models: more: Pop is the name of a line already"),
    "with an unknown added metric": (PLAN + "metrics: [Novelti]\n", "metrics: ... Novelti ... did you mean Novelty"),
    "with an added metric of ratings": (PLAN + "metrics: [RMSE]\n", "metrics: expected metrics of rankings"),
    "with a figure without its source": (PLAN + "paper: [{model: X, metric: NDCG@10, value: 0.2}]\n", "paper: figure 1: source: expected"),
    "with a figure in words": (PLAN + "paper: [{model: X, metric: NDCG@10, value: high, source: A}]\n", "paper: figure 1: value: expected a number"),
    "with a figure of a metric that it has not": (PLAN + "paper: [{model: X, metric: AUC, value: 0.2, source: A}]\n", "paper: figure 1: metric: expected one of NDCG@10"),
    "with figures that are no list": (PLAN + "paper: 0.2\n", "paper: expected"),
    "with an unknown sampler": (PLAN + "sampler: grid\n", "sampler: expected"),
    "with pruning without a sampler for it": (PLAN + "pruning: True\n", "pruning: needs sampler: tpe"),
    "of the data set's own split, which it has not": (_with("default", "given"), "tiny.yaml ... benchmark_filename"),
    "that is empty": ("", "expected lines of `key: value`, found nothing"),
    "that is a list": ("- tiny\n", "found a list"),
    "that is no yaml": ("datasets: [tiny\n", "not yaml"),
    "with a key twice": (PLAN + "seeds: [2]\n", "seeds: the key is already in line 3"),
    "with Windows tabs": (PLAN.replace("  Pop", "\tPop"), "not yaml"),
}  # fmt: skip

# A search's plan.
SEARCH_PLANS = {
    "without a model": (_without("model", SEARCH), "model: expected"),
    "without a space": (_without("space", SEARCH), "expected either trials and space, or variants"),
    "without trials": (_without("trials", SEARCH), "expected either trials and space, or variants"),
    "with more trials than there are": (SEARCH.replace("trials: 1", "trials: 9"), "trials: expected at most 1"),
    "with an unknown model": (SEARCH.replace("Pop", "Popp"), "Popp ... did you mean Pop"),
    "with an unknown data set": (SEARCH.replace("tiny", "tinny"), "tinny"),
    "with a misspelt setting": (SEARCH.replace("epochs", "epohcs"), "space: epohcs ... did you mean epochs"),
    "with a wrong value": (SEARCH.replace("[1]", "['x']"), "space: epochs: expected"),
    "with metrics in the space": (SEARCH.replace("epochs: [1]", "metrics: [[NDCG]]"), "space: metrics: cannot be set here"),
    "with a seed in its base": (SEARCH + "base: {seed: 1}\n", "base: seed: cannot be set here"),
    "with variants and a space": (SEARCH + "variants: [{}]\n", "expected either trials and space, or variants"),
    "with a variant twice": ("model: Pop\ndatasets: [tiny]\nvariants: [{epochs: 1}, {epochs: 1}]\n", "variants: ... is there twice"),
    "with a variant that is a list": ("model: Pop\ndatasets: [tiny]\nvariants: [[1]]\n", "variants: expected"),
    "with a wrong metric in its base": (SEARCH + "base: {valid_metric: NDCG@7}\n", "valid_metric"),
    "with a size beyond memory": (SEARCH.replace("Pop", "BPR").replace("epochs: [1]", "embedding_size: [1000000000000]"), "embedding_size"),
    "with an unknown sampler": (SEARCH + "sampler: grid\n", "sampler: expected"),
    "with pruning at random": (SEARCH + "pruning: True\n", "pruning: needs sampler: tpe"),
    "that is a benchmark": (PLAN, "protocols: expected one of model, datasets"),
}  # fmt: skip

_RESULT: dict[str, Any] = {"dataset": "tiny", "protocol": "default", "label": "Pop", "seed": 1}
_RESULT |= {"fingerprint": "x", "error": "", "valid": {"ndcg@10": 0.1}, "test": {"ndcg@10": 0.1}}
_RESULT |= {"users": {}, "epochs": 1, "seconds": 1.0}

# A line of results: the text, and what the message says after file and line.
RESULTS = {
    "that are no JSON": ("{", "expected a run"),
    "of a list": ("[1]", "expected a run"),
    "of a number": ("5", "expected a run"),
    "of nothing": ("{}", "expected"),
    "with a seed as a text": (json.dumps(_RESULT | {"seed": "1"}), "seed: expected"),
    "with a score as a text": (json.dumps(_RESULT | {"test": {"ndcg@10": "x"}}), "test"),
    "with a score that is none": (json.dumps(_RESULT | {"valid": None}), "valid: expected"),
    "with users that are a number": (json.dumps(_RESULT | {"users": 5}), "users: expected"),
    "with seconds as a text": (json.dumps(_RESULT | {"seconds": "long"}), "seconds: expected"),
    "with an error that is a number": (json.dumps(_RESULT | {"error": 5}), "error: expected"),
    "with an unknown key": (json.dumps(_RESULT | {"zzz": 1}), "zzz"),
    "with other settings": (json.dumps(_RESULT), "ran with another model, other settings"),
    "in another encoding": (b'{"dataset": "\xff"}\n', ""),
    "of a picture": (b"\x89PNG\r\n\x1a\n\x00", ""),
}  # fmt: skip

_LINE = "plan.jsonl, line 1: "

INPUTS = [
    *(Input(f"a plan {how}", BENCHMARK, 2, f"plan.yaml ... {says}", files={"plan.yaml": text}) for how, (text, says) in PLANS.items()),
    *(Input(f"a search {how}", SEARCHES, 2, f"plan.yaml ... {says}", files={"plan.yaml": text}) for how, (text, says) in SEARCH_PLANS.items()),
    *(Input(f"results {how}", BENCHMARK, 2, (_LINE if isinstance(line, str) else "plan.jsonl") + f" ... {says}".removesuffix(" ... "), files={"plan.yaml": PLAN, "plan.jsonl": line if isinstance(line, bytes) else line + "\n"}) for how, (line, says) in RESULTS.items()),
    Input("results of an old search", SEARCHES, 2, "plan.csv: results of a search are jsonl now", files={"plan.yaml": SEARCH, "plan.csv": "trial,dataset,seed\n"}),
    Input("what a plan would run", BENCHMARK + " --dry-run", WORKS, "to run", files={"plan.yaml": PLAN}),
    Input("what a plan with a cut last line would run", BENCHMARK + " --dry-run", WORKS, "to run", files={"plan.yaml": PLAN, "plan.jsonl": '{"dataset'}),
    Input("a plan on a data path that is not there", BENCHMARK + " --data_path no", 2, "no", files={"plan.yaml": PLAN}),
    Input("a plan with no worker", BENCHMARK + " --workers 0", 2, "'--workers': 0 is not in the range", files={"plan.yaml": PLAN}),
    Input("a plan with workers in words", BENCHMARK + " --workers two", 2, "'--workers': 'two' is not a valid integer", files={"plan.yaml": PLAN}),
    Input("a plan on a cluster that is not there", BENCHMARK + " --ray 127.0.0.1:9", 2, "127.0.0.1:9", files={"plan.yaml": PLAN}, process=True),
    Input("a plan on a cluster with a wrong address", BENCHMARK + " --ray nowhere", 2, "nowhere", files={"plan.yaml": PLAN}, process=True),
    Input("a plan with an unknown tracker", BENCHMARK + " --tracker wandb", 2, "--tracker ... wandb", files={"plan.yaml": PLAN}),
    Input("a search with an unknown tracker", SEARCHES + " --tracker wandb", 2, "--tracker ... wandb", files={"plan.yaml": SEARCH}),
    Input("no plan", "ext benchmark", 2, "Missing argument 'FILE'"),
    Input("no search", "ext search", 2, "Missing argument 'FILE'"),
    Input("a setting beside a plan", BENCHMARK + " --epochs=5", 2, "No such option ... --epochs", files={"plan.yaml": PLAN}),
    Input("a misspelt option of a plan", BENCHMARK + " --worker 2", 2, "No such option ... --worker ... --workers", files={"plan.yaml": PLAN}),
    Input("a benchmark", BENCHMARK, WORKS, "tiny, default, test", files={"plan.yaml": PLAN}, process=True),
    Input("a search", SEARCHES, WORKS, "mean validation", files={"plan.yaml": SEARCH}, process=True),
]  # fmt: skip
