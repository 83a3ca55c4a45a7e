"""What a program of one's own calls: the functions of RecBole's quick start."""

from tests.inputs.case import WORKS, Input, python

# Arguments of run_recbole -> what the exception says.
WRONG = {
    "model='BPRR', dataset='tiny'": "BPRR",
    "model='bpr', dataset='tiny'": "did you mean BPR",
    "model='AutoRec', dataset='tin'": "tin",
    "model='AutoRec', dataset='tiny', config_dict={'epohcs': 1}": "epohcs ... did you mean epochs",
    "model='BPR', dataset='tiny', config_dict={'epochs': '-1'}": "epochs: expected",
    "model='BPR', dataset='tiny', config_dict={'epochs': None}": "epochs: expected",
    "model='BPR', dataset='tiny', config_dict={'epochs': 1.5}": "epochs: expected",
    "model='BPR', dataset='tiny', config_dict={'topk': []}": "topk: expected",
    "model='BPR', dataset='tiny', config_dict={'metrics': ['NDCG']}": "valid_metric",
    "model='BPR', dataset='tiny', config_dict={'metrics': {'NDCG'}}": "metrics",
    "model='NCFMLP', dataset='tiny', config_dict={'train_neg_sample_args': None}": "train_neg_sample_args",
    "model='BPR', dataset='tiny', config_dict={'train_neg_sample_args': None}": "train_neg_sample_args",
    "model='BPR', dataset='tiny', config_dict={'eval_args': {'split': {'RS': [0.8, 0.1]}}}": "eval_args: split: RS",
    "model='BPR', dataset='tiny', config_dict={'eval_args': {'mode': 'labeled'}}": "eval_args: mode",
    "model='AutoRec', dataset='tiny', config_dict={'mlp_hidden_size': 500}": "mlp_hidden_size: expected a list",
    "model='AutoRec', dataset='tiny', config_dict={'mlp_hidden_size': [10**12]}": "mlp_hidden_size",
    "model='BPR', dataset='tiny', config_dict={'embedding_size': 10**12}": "embedding_size",
    "model='BPR', dataset='tiny', config_dict={'seed': 2**32}": "seed: expected",
    "model='BPR', dataset='tiny', config_dict={'user_inter_num_interval': '3,5'}": "user_inter_num_interval",
    "model='BPR', dataset='tiny', config_dict={'user_inter_num_interval': '[99,inf)'}": "user_inter_num_interval",
    "model='BPR', dataset='tiny', config_dict={'val_interval': {'rating': '[3,5]'}}": "val_interval",
    "model='BPR', dataset='tiny', config_dict={'data_path': 'no'}": "no",
    "model='BPR', dataset='tiny', config_file_list=['no.yaml']": "no.yaml",
    "model='BPR', dataset='tiny', config_file_list='a.yaml'": "config_file_list",
    "model='BPR', dataset='tiny', config_dict=[1]": "config_dict",
    "model='BPR', dataset='tiny', config_dict={1: 2}": "1",
    "model='BPR', dataset='tiny', config_dict={'nproc': 2}": "nproc",
    "model='BPR', dataset='tiny', config_dict={'checkpoint_dir': 'dataset/tiny/tiny.inter'}": "checkpoint_dir",
    "model=None, dataset='tiny'": "model",
    "dataset='tiny'": "model",
    "model='BPR'": "dataset",
}  # fmt: skip

RIGHT = {
    "a run": "run_recbole(model='BPR', dataset='tiny')",
    "a run of AutoRec": "print(run_recbole(model='AutoRec', dataset='tiny')['test_result'])",
    "a run with a path": "from pathlib import Path\nrun_recbole(model='BPR', dataset='tiny', config_dict={'data_path': str(Path('dataset').absolute())})",
    "a run with numbers of numpy": "import numpy as np\nrun_recbole(model='BPR', dataset='tiny', config_dict={'epochs': int(np.int64(1)), 'learning_rate': float(np.float64(0.1))})",
    "a run with a tuple": "run_recbole(model='AutoRec', dataset='tiny', config_dict={'mlp_hidden_size': (8,)})",
    "a run that is not saved": "run_recbole(model='BPR', dataset='tiny', saved=False)",
    "two runs": "for seed in 1, 2: run_recbole(model='BPR', dataset='tiny', config_dict={'seed': seed})",
    "a Config": "from recbole.config import Config\nprint(Config('AutoRec', 'tiny')['metrics'])",
    "an objective": "print(objective_function({'model': 'BPR', 'dataset': 'tiny'}, None)['best_valid_score'])",
    "loaders that are saved twice, of AutoRec": "for _ in 1, 2: run_recbole(model='AutoRec', dataset='tiny', config_dict={'save_dataset': True, 'save_dataloaders': True})",
    "loaders that are saved and read, of AutoRec": "import glob\nrun_recbole(model='AutoRec', dataset='tiny', config_dict={'save_dataloaders': True})\nrun_recbole(model='AutoRec', dataset='tiny', config_dict={'dataloaders_save_path': glob.glob('saved/*oader*.pth')[0]})",
    "loaders that are saved and read, of BPR": "import glob\nrun_recbole(model='BPR', dataset='tiny', config_dict={'save_dataloaders': True})\nrun_recbole(model='BPR', dataset='tiny', config_dict={'dataloaders_save_path': glob.glob('saved/*oader*.pth')[0]})",
    **{f"full_sort_topk of {model}": f"from recbole.utils.case_study import full_sort_topk\nconfig, model, dataset, train, valid, test = load_data_and_model('saved/{model}.pth')\nprint(full_sort_topk([1, 2], model, test, 5)[1].shape)" for model in ("AutoRec", "BPR", "NCFMLP")},
}  # fmt: skip

_CONFIG = "from recbole.config import Config\n"

INPUTS = [
    *(Input(f"run_recbole({words})", python(f"run_recbole({words})"), 2, says) for words, says in WRONG.items()),
    *(Input(f"from Python: {name}", python(code), WORKS) for name, code in RIGHT.items()),
    Input("a Config of an unknown model", python(_CONFIG + "Config('BPRR', 'tiny')"), 2, "BPRR"),
    Input("a Config with a misspelt key", python(_CONFIG + "Config('BPR', 'tiny', config_dict={'epohcs': 1})"), 2, "did you mean epochs"),
    Input("a Config with a file that is no yaml", python(_CONFIG + "Config('BPR', 'tiny', ['a.yaml'])"), 2, "a.yaml, line 1", files={"a.yaml": "epochs\n"}),
    Input("a Config with an alias bomb", python(_CONFIG + "Config('BPR', 'tiny', ['a.yaml'])"), 2, "a.yaml", files={"a.yaml": "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9))}),
    Input("a checkpoint that is not there, from Python", python("load_data_and_model('no.pth')"), 2, "no.pth: no such checkpoint"),
]  # fmt: skip
