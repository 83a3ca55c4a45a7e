"""The folder that an input finds: a tiny data set, checkpoints of models trained on it."""

import random
import shutil
from hashlib import blake2b
from pathlib import Path

from tests.inputs.case import Input

HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
N_USERS, N_ITEMS = 20, 30

# One epoch is enough to work; a data set may say so itself.
_SETTINGS = "epochs: 1\n"

# Trained before the first input: file below saved/ -> the command, without its checkpoint_dir.
TRAINED = {
    "BPR": "run BPR tiny --embedding_size=8",
    "AutoRec": "run AutoRec tiny --mlp_hidden_size=[8]",
    "NCFMLP": "run NCFMLP tiny --embedding_size=8 --mlp_hidden_size=[8]",
    "NCFGMF": "run NCFGMF tiny --embedding_size=8",
    "Pop": "run Pop tiny",
}


def inter() -> str:
    """Ratings from 1 to 5 of 20 users for about half of 30 items, each user's at least ten."""
    draw = random.Random(0)
    lines = []
    for user in range(N_USERS):
        for item in sorted(draw.sample(range(N_ITEMS), 14)):
            lines.append(f"u{user}\ti{item}\t{draw.randint(1, 5)}\t{1000 + len(lines)}\n")
    return HEADER + "".join(lines)


def files_of(name: str, text: str | bytes, **others: str | bytes) -> dict[str, str | bytes]:
    """The files of a data set: its interactions, and others by their suffix.

    Args:
        name: of the data set.
        text: of its ``.inter`` file.
        others: suffix -> content; a suffix with an underscore for a dot.
    """
    place = f"dataset/{name}/{name}"
    content = {f"{place}.inter": text, f"{place}.yaml": _SETTINGS}
    return {**content, **{f"{place}.{key.replace('_', '.')}": x for key, x in others.items()}}


def build(folder: Path) -> None:
    """Write the files that every input finds, but the checkpoints."""
    users = "".join(f"u{user}\t{20 + user}\t{'MF'[user % 2]}\n" for user in range(N_USERS))
    items = "".join(f"i{item}\tTitle {item}\t{1990 + item}\n" for item in range(N_ITEMS))
    features = {
        "user": "user_id:token\tage:float\tgender:token\n" + users,
        "item": "item_id:token\ttitle:token_seq\tyear:token\n" + items,
    }
    write(folder, files_of("tiny", inter(), **features))


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def prepare(case: Input, template: Path, folder: Path) -> None:
    """Make the folder of an input, with a folder ``home`` and one ``tmp`` beside it."""
    shutil.copytree(template, folder, symlinks=True)
    for other in ("home", "tmp"):
        (folder.parent / other).mkdir(exist_ok=True)
    write(folder, dict(case.files))
    if case.prepare is not None:
        case.prepare(folder)


def snapshot(folder: Path) -> dict[str, str]:
    """What is in a folder: path -> a hash of the content, or what else it is."""
    content = {}
    for path in sorted(folder.rglob("*")):
        kind = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "special"
        if path.is_file() and not path.is_symlink():
            kind = blake2b(path.read_bytes(), digest_size=8).hexdigest()
        content[str(path.relative_to(folder))] = kind
    return content
