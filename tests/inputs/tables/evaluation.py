"""Metrics, cutoffs, splits and modes of evaluation."""

from tests.inputs.case import WORKS, Input, of_both
from tests.inputs.workplace import HEADER, files_of, inter


def args(text: str) -> str:
    """The option eval_args."""
    return f'"--eval_args={text}"'


RANKED = "\"--metrics=['NDCG','Recall']\""
VALUES = "\"--metrics=['RMSE','MAE']\" --valid_metric=RMSE"
LABELED = args("{'mode': 'labeled'}")

# Of models that rank, one of RecBole and one of ours: words -> what the message says.
OF_BOTH = {
    RANKED: "valid_metric: expected a metric that the run computes, found MRR@10",
    RANKED + " --valid_metric=NDCG": "valid_metric: ... NDCG@10",
    RANKED + " --valid_metric=NDCG@5": "valid_metric: ... NDCG@10",
    RANKED + " --valid_metric=NDGC@10": "valid_metric: RecBole has no metric NDGC@10",
    RANKED + " --valid_metric=NDCG@ten": "valid_metric",
    RANKED + " --valid_metric=None": "valid_metric: expected",
    RANKED + " --valid_metric=": "valid_metric: expected",
    RANKED + " --valid_metric=10": "valid_metric: expected",
    RANKED + " --valid_metric=RMSE": "valid_metric: ... RMSE",
    "\"--valid_metric=['MRR@10']\"": "valid_metric: expected",
    "--metrics=[]": "metrics: expected at least one",
    "--metrics=None": "metrics: expected at least one",
    "--metrics=10": "metrics: expected at least one",
    "\"--metrics=['Foo']\" --valid_metric=Foo": "metrics: RecBole has no metric Foo",
    "\"--metrics=['NDCG@10']\" --valid_metric=NDCG@10": "metrics: expected names without a cutoff, found NDCG@10",
    "\"--metrics=['NDGC']\" --valid_metric=NDGC@10": "metrics: RecBole has no metric NDGC ... did you mean NDCG",
    "\"--metrics=['NDCG','RMSE']\" --valid_metric=NDCG@10": "metrics: ... keep either",
    "\"--metrics=['NDCG',5]\" --valid_metric=NDCG@10": "metrics",
    "--topk=[]": "topk: expected",
    "--topk=0": "topk: expected ... found 0",
    "--topk=-5": "topk: expected ... found -5",
    "--topk=[10,0]": "topk: expected ... found [10, 0]",
    "--topk=2.5": "topk: expected ... found 2.5",
    "--topk=None": "topk: expected",
    "--topk=1000 --valid_metric=MRR@1000": "topk: ... 1000",
    "\"--metrics=['NDCG']\" --topk=1000 --valid_metric=NDCG@1000": "topk: ... 1000",
    LABELED: "eval_args: mode: ... write eval_args: {mode: full}",
    VALUES: "eval_args: mode: ... mode: labeled",
    "--metrics=AUC --valid_metric=AUC": "eval_args: mode: ... mode: labeled",
    args("{'mode': 'ful'}"): "eval_args: mode: ... found 'ful' ... did you mean full",
    args("{'mode': 'uni'}"): "eval_args: mode: ... write mode: uni100",
    args("{'mode': 'uni0'}"): "eval_args: mode: ... 'uni0'",
    args("{'mode': 'uni-5'}"): "eval_args: mode: ... 'uni-5'",
    args("{'mode': 'pop'}"): "eval_args: mode: ... write mode: pop100",
    args("{'mode': 100}"): "eval_args: mode: ... found 100",
    args("{'mode': None}"): "eval_args: mode: ... found None",
    args("{'mode': ['full']}"): "eval_args: mode",
    args("{'mode': {'vaild': 'full', 'test': 'full'}}"): "eval_args: mode",
    args("{'mode': {}}"): "eval_args: mode",
    args("{'split': {'RS': [0.8, 0.1]}}"): "eval_args: split: RS: expected three numbers",
    args("{'split': {'RS': [0, 0, 1]}}"): "eval_args: split: RS: expected a share of training",
    args("{'split': {'RS': [0.8, 0.2, 0]}}"): "eval_args: split: expected a test part",
    args("{'split': {'RS': [0.8, 0.1, -0.1]}}"): "eval_args: split: RS: expected three numbers",
    args("{'split': {'RS': ['a', 'b', 'c']}}"): "eval_args: split: RS: expected three numbers",
    args("{'split': {'RS': 0.8}}"): "eval_args: split: RS: expected three numbers",
    args("{'split': {'RS': []}}"): "eval_args: split: RS: expected three numbers",
    args("{'split': {'LS': 'valid_only'}}"): "eval_args: split: expected a test part",
    args("{'split': {'LS': 'leave_one'}}"): "eval_args: split: LS: expected valid_and_test",
    args("{'split': {'LS': 1}}"): "eval_args: split: LS: expected valid_and_test",
    args("{'split': {'rs': [0.8, 0.1, 0.1]}}"): "eval_args: split: expected RS, LS",
    args("{'split': {}}"): "eval_args: split: expected one of RS",
    args("{'split': {'RS': [0.8, 0.1, 0.1], 'LS': 'test_only'}}"): "eval_args: split: expected one of",
    args("{'split': [0.8, 0.1, 0.1]}"): "eval_args: split: expected one of RS",
    args("{'split': 'RS'}"): "eval_args: split: expected one of RS",
    args("{'order': 'TO'}"): "eval_args: order: TO ... load_col",
    args("{'order': 'random'}"): "eval_args: order: expected RO",
    args("{'order': 'ro'}"): "eval_args: order: expected RO ... did you mean RO",
    args("{'order': None}"): "eval_args: order: expected RO",
    args("{'group_by': 'item'}"): "eval_args: group_by: expected user",
    args("{'group_by': 'users'}"): "eval_args: group_by: expected user ... did you mean user",
    args("{'group_by': ['user']}"): "eval_args: group_by: expected user",
    args("{}") + " --eval_batch_size=0": "eval_batch_size: expected",
    args("{'splt': {'RS': [0.8, 0.1, 0.1]}}"): "eval_args: expected ... found splt ... did you mean split",
    args("{'split': {'RS': [1e-9, 0.5, 0.5]}}"): "eval_args: split",
}  # fmt: skip

# Of AutoRec, which predicts ratings.
OF_AUTOREC = {
    "\"--metrics=['NDCG']\" --valid_metric=NDCG@10": "eval_args: mode: ... write eval_args: {mode: full}",
    args("{'mode': 'full'}"): "eval_args: mode: ... mode: labeled",
    args("{'mode': 'uni100'}"): "eval_args: mode: ... mode: labeled",
    "\"--metrics=['AUC']\" --valid_metric=AUC": "AUC",
    "\"--metrics=['LogLoss']\" --valid_metric=LogLoss": "LogLoss",
    "\"--metrics=['RMSE']\" --valid_metric=MAE": "valid_metric: expected ... found MAE",
    "\"--metrics=['RMSE','NDCG']\"": "metrics: ... keep either",
    "--valid_metric=RMSE@10": "valid_metric",
    "--valid_metric=": "valid_metric: expected",
}

# What works: words -> what is printed.
RIGHT = {
    "BPR " + RANKED + " --valid_metric=NDCG@10": "ndcg@10 ... recall@10",
    "BPR " + RANKED + " --topk=[5,20] --valid_metric=recall@20": "ndcg@5 ... recall@20",
    "BPR --metrics=Hit --valid_metric=Hit@10": "hit@10",
    "BPR \"--metrics=['GAUC']\" --valid_metric=GAUC": "gauc",
    "BPR \"--metrics=['ItemCoverage','GiniIndex']\" --valid_metric=ItemCoverage@10": "itemcoverage@10",
    "BPR " + args("{'mode': 'uni5'}"): "mrr@10",
    "BPR " + args("{'mode': 'pop5'}"): "mrr@10",
    "BPR " + args("{'mode': 'uni1000'}"): "mrr@10",
    "BPR " + args("{'mode': {'valid': 'uni5', 'test': 'full'}}"): "mrr@10",
    "BPR " + args("{'split': {'RS': [8, 1, 1]}}"): "mrr@10",
    "BPR " + args("{'split': {'RS': [0.6, 0.2, 0.2]}, 'group_by': None}"): "mrr@10",
    "BPR " + args("{'split': {'RS': [0.9, 0, 0.1]}}"): "test",
    "BPR " + args("{'split': {'LS': 'valid_and_test'}}"): "mrr@10",
    "BPR " + args("{'order': 'TO', 'split': {'LS': 'valid_and_test'}}") + " \"--load_col={'inter': ['user_id', 'item_id', 'timestamp']}\"": "mrr@10",
    "BPR --topk=25 --valid_metric=MRR@25": "mrr@25",
    "AutoRec --metrics=MAE --valid_metric=MAE": "mae",
    "AutoRec --metrics=NDCG --valid_metric=NDCG@10 " + args("{'mode': 'full'}"): "ndcg@10",
    "AutoRec " + args("{'group_by': 'none'}"): "rmse",
    "AutoRec " + args("{'split': {'LS': 'valid_and_test'}, 'mode': 'labeled'}"): "rmse",
    "NCFMLP \"--metrics=['AUC']\" --valid_metric=AUC " + LABELED + " \"--load_col={'inter': ['user_id', 'item_id', 'rating']}\" \"--threshold={'rating': 3}\" --train_neg_sample_args=None": "auc",
    "FM \"--metrics=['AUC','LogLoss']\" --valid_metric=AUC " + LABELED + " \"--load_col={'inter': ['user_id', 'item_id', 'rating']}\" \"--threshold={'rating': 3}\" --train_neg_sample_args=None": "auc ... logloss",
}  # fmt: skip

_NO_TIME = files_of("mine", inter().replace("timestamp:float", "when:float"))
_PARTS = {f"dataset/parts/parts.{part}.inter": HEADER + "".join(f"u{u}\ti{(u + 4 * n) % 15}\t3\t{n}\n" for u in range(9)) for n, part in enumerate(("train", "valid", "test"))}  # fmt: skip
_NAMED = "\"--benchmark_filename=['train','valid','test']\""

INPUTS = [
    *(case for words, says in OF_BOTH.items() for case in of_both(words.replace('"', ""), words, 2, says)),
    *(Input(f"{words} of AutoRec".replace('"', ""), f"run AutoRec tiny {words}", 2, says) for words, says in OF_AUTOREC.items()),
    *(Input(words.replace('"', ""), "run " + words.replace(" ", " tiny ", 1), WORKS, says) for words, says in RIGHT.items()),
    Input("an order by time without times", "run BPR mine --load_col=None " + args("{'order': 'TO'}"), 2, "mine.inter, line 1: no column timestamp", files=_NO_TIME),
    Input("times in a column that is named", "run BPR mine --TIME_FIELD=when " + args("{'order': 'TO'}") + " \"--load_col={'inter': ['user_id', 'item_id', 'when']}\"", WORKS, "mrr@10", files=_NO_TIME),
    Input("a split in three files", f"run BPR parts --epochs=1 {_NAMED}", WORKS, "mrr@10", files=_PARTS),
    Input("a split in three files, one of which is absent", "run BPR parts --epochs=1 \"--benchmark_filename=['train','dev','test']\"", 2, "parts.dev.inter: no such file", files=_PARTS),
    Input("a split in three files, one of which is empty", f"run BPR parts --epochs=1 {_NAMED}", 2, "parts.test.inter", files={**_PARTS, "dataset/parts/parts.test.inter": HEADER}),
    Input("a split in three files, of AutoRec", f"run AutoRec parts --epochs=1 {_NAMED}", WORKS, "rmse", files=_PARTS),
]  # fmt: skip
