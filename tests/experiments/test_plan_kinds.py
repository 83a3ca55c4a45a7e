"""A plan with a value of the wrong kind anywhere is refused in a line that names its file."""

import copy

import pytest
import yaml
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.experiments import processes

BENCHMARK = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1]
trials: 2
timeout: 100
settings: {epochs: 2}
models:
  BPR: {model: BPR, settings: {embedding_size: 8}, space: {learning_rate: [0.1, 0.01]}}
  MLP: {model: NCFMLP, config: mlp.yaml, settings: {embedding_size: 8}}
  GMF: {model: NCFGMF, settings: {embedding_size: 8}}
  NeuMF:
    model: NCFNeuMF
    settings: {gmf_embedding_size: 8, pretrain: {gmf: checkpoint of GMF, mlp: checkpoint of MLP}}
"""
SEARCH = """\
model: AutoRec
datasets: [made]
trials: 2
seed: 4
base: {mlp_hidden_size: [4], epochs: 2}
space: {learning_rate: [0.01, 0.1], reg_weight: [0.1, 0.2]}
"""
# as a yaml spells them
KINDS = [
    *("null", "-1", "1.5", ".nan", str(10**30), "true", "text", "'../x'", "[]", "[[1]]", "[null]"),
    *("{}", "{a: {b: [1]}}", "2020-01-01", "[{a: 2020-01-01}]", "'a\\0b'"),
]


def places(value, at=()):
    """Where a plan has values: the keys and numbers that lead to each."""
    if at:
        yield at
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from places(inner, (*at, key))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("command", "text"), [("benchmark", BENCHMARK), ("search", SEARCH)])
def test_a_wrong_kind_anywhere_names_the_file(command, text, kind, ratings, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "run_all", lambda *_, **__: (x for x in ()))
    (tmp_path / "mlp.yaml").write_text("mlp_hidden_size: [4]\n")
    plan, refused = yaml.safe_load(text), 0
    for *way, last in places(plan):
        changed = copy.deepcopy(plan)
        inner = changed
        for key in way:
            inner = inner[key]
        inner[last] = "PLACE"
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(changed).replace("PLACE", kind))
        words = [command, "plan.yaml", *(["--dry-run"] if command == "benchmark" else [])]
        result = CliRunner().invoke(main.main, words, catch_exceptions=False)
        assert result.exit_code in (0, 1, 2), (way, last)  # 1: a search without a run
        if result.exit_code == 2:
            refused += 1
            last_line = result.stderr.splitlines()[-1]
            assert last_line.startswith("error: plan.yaml"), (way, last, last_line)
    assert refused > 3
