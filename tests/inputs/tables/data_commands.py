"""The commands of data sets, of corrupted rows, and what `recbole-ext` is asked for."""

from pathlib import Path

from tests.inputs.case import WORKS, Input

SPLIT = "ext data split tiny random"
RELEASE = {
    "release/u.data": "".join(f"{u}\t{i}\t{1 + (u + i) % 5}\t{100 * u + i}\n" for u in range(1, 9) for i in range(1, 9)),
    "release/u.item": "".join(f"{i}|Title {i} (1995)|01-Jan-1995||http://x|{'0|' * 18}1\n" for i in range(1, 9)),
    "release/u.user": "".join(f"{u}|20|M|writer|00000\n" for u in range(1, 9)),
}  # fmt: skip
_GET = "ext data get ml-100k --data_path new --from"


def _other_folder(folder: Path) -> None:
    (folder / "dataset/tiny-loo").mkdir()
    (folder / "dataset/tiny-loo/mine.txt").write_text("mine\n")


# What is typed, and what the message says.
WRONG = {
    SPLIT + " --test 0": "'--test': 0.0 is not in the range",
    SPLIT + " --test 1": "'--test': 1.0 is not in the range",
    SPLIT + " --test 10%": "'--test': '10%' is not a valid float",
    SPLIT + " --test -0.1": "'--test': -0.1 is not in the range",
    SPLIT + " --test nan": "--test",
    SPLIT + " --test 0.6 --valid 0.6": "leave nothing to train on",
    SPLIT + " --test 0.0001": "no row is left for test",
    SPLIT + " --seed -1": "'--seed': -1 is not in the range",
    SPLIT + " --seed 4294967296": "--seed",
    SPLIT + " --seed x": "'--seed': 'x' is not a valid integer",
    SPLIT + " --name ../../evil": "--name ... ../../evil",
    SPLIT + " --name ../evil": "--name ... ../evil",
    SPLIT + " --name /proc/evil": "--name ... /proc/evil",
    SPLIT + " --name a/b": "--name ... a/b",
    SPLIT + " --name .": "--name",
    SPLIT + " --name ..": "--name",
    SPLIT + " --name ''": "--name",
    SPLIT + " --name tiny": "dataset/tiny: exists already",
    SPLIT + " --name " + "x" * 300: "--name",
    "ext data split tiny kfold --name ../evil": "--name ... ../evil",
    "ext data split tiny loo --name ../evil --negatives 5": "--name ... ../evil",
    "ext data split tiny temporal --name ../evil": "--name ... ../evil",
    "ext data split tiny temporal --test 0.9 --valid 0.2": "--test 0.9 and --valid 0.2 leave nothing",
    "ext data split tiny users --test 1.5": "'--test': 1.5 is not in the range",
    "ext data grid tiny --name ../evil": "--name ... ../evil",
    "ext data split tiny kfold --folds 1": "'--folds': 1 is not in the range",
    "ext data split tiny kfold --folds 1000": "--folds",
    "ext data split tiny kfold --valid 0.9": "--valid 0.9 and 5 folds leave nothing",
    "ext data split tiny loo --negatives 0": "'--negatives': 0 is not in the range",
    "ext data split tiny loo --negatives 1000": "--negatives",
    "ext data split tiny loo": "--negatives",
    "ext data split tiny randm": "'randm' is not one of 'random', 'kfold', 'loo'",
    "ext data split tiny Random": "'Random' is not one of 'random'",
    "ext data split tiny": "Missing argument",
    "ext data split": "Missing argument 'NAME'",
    "ext data split tin random": "dataset/tin/tin.inter: no such file",
    "ext data split ../tiny random": "../tiny",
    "ext data split '' random": "",
    "ext data split dataset/tiny random": "dataset/tiny",
    "ext data split tiny u1": "u1 is a split of ml-100k, not of tiny",
    "ext data split ml-100k u1": "dataset/downloads/ml-100k.zip: no such file",
    "ext data split tiny random --data_path no": "no/tiny/tiny.inter: no such file",
    "ext data grid tin": "dataset/tin/tin.inter: no such file",
    "ext data grid tiny --test 0.9 --valid 0.2": "leave nothing to train on",
    "ext data describe tin": "dataset/tin/tin.inter: no such file",
    "ext data describe": "Missing argument 'NAME'",
    "ext data get": "Missing argument 'NAME'",
    "ext data get ml-2m": "ml-2m: no such MovieLens release; did you mean",
    "ext data get ML-1M": "ML-1M: no such MovieLens release; did you mean ml-1m",
    "ext data get netflix": "netflix: no such MovieLens release; there are",
    "ext data get ml-1m": "files.grouplens.org",
    "ext data get ml-latest-small": "files.grouplens.org",
    "ext data get ml-1m --from no.zip": "no.zip: no such file or folder",
    "ext data get ml-1m --from dataset": "dataset: expected one of u.data, ratings.dat, ratings.csv in it",
    "ext data get ml-1m --from ~/ml-1m.zip": "~/ml-1m.zip: no such file or folder",
    "ext data get ../ml-1m": "../ml-1m: no such MovieLens release",
    "ext data gett": "No such command 'gett'",
    "ext trian": "No such command 'trian'",
    "ext run": "No such command 'run'",
    "ext run_recbole --model=BPR": "No such command 'run_recbole'",
    "ext --model=BPR": "No such option ... --model",
    "ext doctor --fix": "No such option ... --fix",
    "ext doctor now": "unexpected extra argument",
    "ext denoise --dataset tin": "did you mean tiny",
    "ext denoise --dataset tiny --rates 0,x": "expected numbers separated by commas, found 0,x",
    "ext denoise --dataset tiny --rates 0.5,0.1": "expected rates from 0 on that ascend",
    "ext denoise --dataset tiny --rates ''": "--rates",
    "ext denoise --dataset tiny --rates 0,2": "--rates, --train-rate: expected shares up to 1",
    "ext denoise --dataset tiny --rates nan": "--rates",
    "ext denoise --dataset tiny --train-rate 0": "'--train-rate': 0.0 is not in the range",
    "ext denoise --dataset tiny --seeds 0": "'--seeds': 0 is not in the range",
    "ext denoise --dataset tiny --corruption noise": "'noise' is not one of 'drop', 'gaussian', 'flip'",
    "ext denoise --dataset tiny --epochs=-1": "epochs: expected",
    "ext denoise --dataset tiny --epohcs=1": "epohcs ... did you mean epochs",
    "ext denoise --dataset tiny --model=BPR": "model",
    "ext denoise --dataset tiny epochs=1": "epochs=1: expected --key=value",
    "ext denoise --dataset tiny --metrics=NDCG": "valid_metric",
}  # fmt: skip

RIGHT = {
    SPLIT: "dataset/tiny-random90-seed2020: ",
    SPLIT + " --name 'my split'": "dataset/my split: ",
    SPLIT + " --name 分割": "dataset/分割: ",
    "ext data split tiny kfold --folds 2": "fold2of2",
    "ext data split tiny loo --negatives 5": "dataset/tiny-loo: ",
    "ext data split tiny temporal": "dataset/tiny-temporal: ",
    "ext data split tiny users --test 0.3": "dataset/tiny-users: ",
    "ext data grid tiny": "on the test part of tiny-grid",
    "ext data describe tiny": "ratings: mean",
    "ext data list": "ml-20m",
    "ext denoise --dataset tiny --rates 0,0.5 --seeds 1 --epochs=1": "AutoRec on tiny, RMSE over 1 seeds",
}

INPUTS = [
    *(Input(words.replace("x" * 300, "xxx..."), words, 2, says) for words, says in WRONG.items()),
    *(Input(words, words, WORKS, says) for words, says in RIGHT.items()),
    Input("a release from a folder", f"{_GET} release", WORKS, "new/ml-100k: ", files=RELEASE),
    Input("a release that is a broken zip", f"{_GET} a.zip", 2, "a.zip: expected a zip file of GroupLens", files={"a.zip": b"PK\x03\x04broken"}),
    Input("a release with a cut file", f"{_GET} release", 2, "u.data, line 3", files=RELEASE | {"release/u.data": "1\t1\t3\t1\n1\t2\t3\t1\n1\t3\n"}),
    Input("a release with a word for a rating", f"{_GET} release", 2, "u.data, line 1: ... good", files=RELEASE | {"release/u.data": "1\t1\tgood\t1\n"}),
    *(Input(f"{words} alone", words, 2, "Usage: ... Commands:", answers=True) for words in ("ext", "ext data")),
    Input("a release without its movies", f"{_GET} release", WORKS, "this is another file", files={"release/u.data": RELEASE["release/u.data"]}),
    Input("a release over a folder of one's own", "ext data get ml-100k --from release", 2, "dataset/ml-100k: exists already, and recbole-ext has not written it", files=RELEASE | {"dataset/ml-100k/mine.txt": "mine\n"}),
    Input("a split over a folder of one's own", "ext data split tiny loo --negatives 5", 2, "dataset/tiny-loo: exists already", prepare=_other_folder),
    Input("a split of a broken data set", "ext data split bad random", 2, "bad.inter, line 3", files={"dataset/bad/bad.inter": "user_id:token\titem_id:token\nu\ti\nu\n"}),
    Input("a split of a data set without times", "ext data split bad loo --negatives 1", 2, "timestamp", files={"dataset/bad/bad.inter": "user_id:token\titem_id:token\n" + "".join(f"u{n % 3}\ti{n}\n" for n in range(9))}),
    Input("a split in time of a data set without times", "ext data split bad temporal", 2, "bad.inter, line 1: no column timestamp", files={"dataset/bad/bad.inter": "user_id:token\titem_id:token\n" + "".join(f"u{n % 3}\ti{n}\n" for n in range(9))}),
    Input("a split by users of too few users", "ext data split bad users --test 0.01", 2, "bad.inter: no row is left for test", files={"dataset/bad/bad.inter": "user_id:token\titem_id:token\n" + "".join(f"u{n % 3}\ti{n}\n" for n in range(9))}),
    Input("the figures of a broken data set", "ext data describe bad", 2, "bad.inter, line 1", files={"dataset/bad/bad.inter": "a,b\n1,2\n"}),
]  # fmt: skip
