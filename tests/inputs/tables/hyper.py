"""`run_hyper` and the files of its space."""

from tests.inputs.case import WORKS, Input

HYPER = "hyper BPR tiny --params_file=space.txt"

# The space, and what the message says.
WRONG = {
    "of nothing": ("", "space.txt: no setting to search over"),
    "of comments": ("# learning_rate choice [0.1]\n", "space.txt: no setting to search over"),
    "of a name alone": ("learning_rate\n", "space.txt, line 1: expected `name choice [a, b]`"),
    "without a kind": ("learning_rate [0.1, 0.2]\n", "space.txt, line 1: expected `name choice"),
    "in yaml": ("learning_rate: [0.1, 0.2]\n", "space.txt, line 1: expected `name choice"),
    "with an equals sign": ("learning_rate=choice [0.1]\n", "space.txt, line 1: expected `name choice"),
    "with a misspelt kind": ("learning_rate choise [0.1]\n", "space.txt, line 1: expected `name choice"),
    "with a kind in capitals": ("learning_rate Choice [0.1]\n", "space.txt, line 1: expected `name choice"),
    "without brackets": ("learning_rate choice 0.1,0.2\n", "space.txt, line 1: expected `name choice"),
    "with a bracket that is not closed": ("learning_rate choice [0.1, 0.2\n", "space.txt, line 1: expected"),
    "with no choice": ("learning_rate choice []\n", "space.txt, line 1: expected `name choice"),
    "with names without quotes": ("learner choice [adam, sgd]\n", "space.txt, line 1: expected `name choice"),
    "with a misspelt setting": ("learnin_rate choice [0.1]\n", "space.txt: learnin_rate ... did you mean learning_rate"),
    "with another model's setting": ("mlp_hidden_size choice [[10]]\n", "space.txt: mlp_hidden_size: BPR does not read"),
    "with a setting twice": ("epochs choice [1]\nepochs choice [2]\n", "space.txt, line 2: epochs: is there twice"),
    "with a value out of range": ("epochs choice [-1]\n", "space.txt ... epochs: expected"),
    "with a value of another kind": ("epochs choice ['many']\n", "space.txt ... epochs: expected"),
    "with a value twice": ("epochs choice [1, 1]\n", "space.txt ... epochs ... twice"),
    "with a learner that is not known": ("learner choice ['adma']\n", "space.txt ... learner: expected"),
    "with one bound": ("learning_rate uniform 0.1\n", "space.txt, line 1: expected"),
    "with bounds that are words": ("learning_rate uniform low,high\n", "space.txt, line 1: expected"),
    "with bounds the wrong way round": ("learning_rate uniform 1,0\n", ""),
    "of numbers between bounds, by every combination": ("learning_rate uniform 0,1\n", "the exhaustive search takes choices alone"),
    "with metrics": ("metrics choice [['NDCG']]\n", "space.txt ... metrics"),
    "with a size beyond memory": ("embedding_size choice [10**12]\n", "space.txt"),
    "with Python": ("epochs choice [exit()]\n", "space.txt, line 1: expected `name choice"),
    "in Latin-1": (b"epochs choice ['\xfc']\n", "space.txt"),
    "with 100,000 brackets": (f"epochs choice {'[' * 100_000}\n", "space.txt, line 1"),
}  # fmt: skip

# The space, and the model and its further words.
RIGHT = {
    "of choices": ("learning_rate choice [0.1, 0.2]\n", "BPR"),
    "of one choice": ("epochs choice [1]\n", "BPR"),
    "with Windows line ends": ("epochs choice [1]\r\n\r\n", "BPR"),
    "with comments and spaces": ("# mine\n\n  epochs   choice   [1]\n", "BPR"),
    "of lists": ("mlp_hidden_size choice [[10],[20]]\n", "AutoRec"),
    "of lists in quotes, as RecBole has them": (
        "mlp_hidden_size choice ['[10]','[20,10]']\n",
        "AutoRec",
    ),
    "of texts": ("orientation choice ['user', 'item']\n", "AutoRec"),
    "of truth values": ("tied choice [True, False]\n", "AutoRec"),
    "of lists of NCFMLP": ("mlp_hidden_size choice [[8],[8,4]]\n", "NCFMLP"),
    "of lists of a model of RecBole": ("mlp_hidden_size choice ['[8]','[8,4]']\n", "NeuMF"),
    "of two settings": ("learning_rate choice [0.1]\nembedding_size choice [4, 8]\n", "BPR"),
}

INPUTS = [
    *(Input(f"a space {how}", HYPER, 2, says, files={"space.txt": text}) for how, (text, says) in WRONG.items()),
    *(Input(f"a space {how}", HYPER.replace("BPR", model), WORKS, "best settings ... valid ... test", files={"space.txt": text}) for how, (text, model) in RIGHT.items()),
    Input("no space", "hyper BPR tiny", 2, "Missing option '--params_file'"),
    Input("a space that is not there", HYPER, 2, "space.txt"),
    Input("a folder for a space", "hyper BPR tiny --params_file=dataset", 2, "dataset"),
    Input("an empty name of a space", "hyper BPR tiny --params_file=", 2, "params_file"),
    Input("an unknown tool", HYPER + " --tool=Optuna", 2, "'Optuna' is not one of 'Hyperopt', 'Ray'", files={"space.txt": "epochs choice [1]\n"}),
    Input("a tool in lower case", HYPER + " --tool=ray", 2, "'ray' is not one of 'Hyperopt', 'Ray'", files={"space.txt": "epochs choice [1]\n"}),
    Input("a search of an unknown model", HYPER.replace("BPR", "BPRR"), 2, "did you mean BPR", files={"space.txt": "epochs choice [1]\n"}),
    Input("a search on an unknown data set", HYPER.replace("tiny", "tin"), 2, "did you mean tiny", files={"space.txt": "epochs choice [1]\n"}),
    Input("a search with a wrong setting beside", HYPER + " --epochs=-1", 2, "epochs: expected", files={"space.txt": "learning_rate choice [0.1]\n"}),
    Input("a search with a setting that is searched too", HYPER + " --learning_rate=0.1", 2, "learning_rate", files={"space.txt": "learning_rate choice [0.1]\n"}),
    Input("a search without validation", HYPER + " \"--eval_args={'split': {'RS': [0.9, 0, 0.1]}}\"", 2, "eval_args: split", files={"space.txt": "epochs choice [1]\n"}),
    Input("a search with a wrong file", HYPER + " --config_files=no.yaml", 2, "no.yaml: cannot be read", files={"space.txt": "epochs choice [1]\n"}),
    Input("a search whose results have a name", HYPER + " --output_file=mine.result", WORKS, "best settings", files={"space.txt": "epochs choice [1]\n"}),
    Input("a search with a plot", HYPER + " --display_file=plot.html", WORKS, "best settings", files={"space.txt": "learning_rate choice [0.1, 0.2]\n"}),
    Input("an option of run_recbole", HYPER + " --nproc=2", 2, "nproc", files={"space.txt": "epochs choice [1]\n"}),
]  # fmt: skip
