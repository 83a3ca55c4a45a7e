"""The members of an ensemble: trained models, by their checkpoints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ext.data.content_hash import file_hash
from recbole_ext.errors import CheckpointError, SettingError
from recbole_ext.registry import model_parts
from recbole_ext.trainer import checkpoint_checks, same_run, set_up
from recbole_ext.trainer.identity import RunIdentity

# What an ensemble keeps of a member's checkpoint: what its model is set up from.
_KEPT = ("config", "identity", "model_source", "state_dict", "other_parameter")


@dataclass(frozen=True)
class Member:
    """A trained model of an ensemble.

    Attributes:
        file: its checkpoint, where the ensemble was made; need not be there any more.
        hash: of that file.
        record: what of it the model is set up from.
        model: on the device of the run.
    """

    file: str
    hash: str
    record: dict[str, Any]
    model: Any

    @property
    def name(self) -> str:
        """The name of the model."""
        return str(checkpoint_checks.settings_of(self.record)["model"])

    def stored(self) -> dict[str, Any]:
        """What the ensemble's checkpoint has of it; ``restored`` takes it."""
        return {"file": self.file, "hash": self.hash, "record": self.record}

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> "Member":
        """A member from the ensemble's checkpoint.

        Raises:
            CheckpointError: its model cannot be set up again, or its data set has changed.
        """
        file, record = f"member {stored['file']}", stored["record"]
        checkpoint_checks.check_content(file, record)
        checkpoint_checks.check_model(file, record)
        return cls(stored["file"], stored["hash"], record, _model(file, record))


def read(
    files: Sequence[str], load: Callable[[str], Mapping[str, Any]], config: Any
) -> list[Member]:
    """The members of an ensemble that is going to be trained.

    Args:
        files: their checkpoints.
        load: reads one.
        config: of the ensemble's run, after the split.

    Raises:
        CheckpointError: a file cannot be used, or is of another data set or another split.
        SettingError: a file is there twice, or of a model that cannot be a member.
    """
    own: RunIdentity = config.recbole_ext_identity
    members: list[Member] = []
    for number, file in enumerate(files, start=1):
        where, digest = f"members: {file}", file_hash(Path(file))
        for before, member in enumerate(members, start=1):
            if member.hash == digest:
                raise SettingError(
                    f"members: {number} is the same model as {before}, {member.file}; name each "
                    "member once"
                )
        same_run.check_usable(file)
        record = {key: value for key, value in load(file).items() if key in _KEPT}
        _check(where, record, own)
        members.append(Member(str(file), digest, record, _model(where, record)))
    return members


def _check(where: str, record: Mapping[str, Any], own: RunIdentity) -> None:
    """Refuse a model that cannot be a member.

    Raises:
        SettingError: it is an ensemble, or it does not score items for users alone.
        CheckpointError: it was trained on another data set, or another split.
    """
    settings = checkpoint_checks.settings_of(record)
    if settings["model"] == own.settings["model"]:
        raise SettingError(
            f"{where}: an ensemble cannot be a member of another one; name its members instead"
        )
    kind = str(settings["MODEL_TYPE"]).rpartition(".")[2]
    model_parts.check_scores_items(where, settings["model"], kind)
    identity = same_run.identity_of(record)
    if settings["dataset"] != own.settings["dataset"]:
        raise CheckpointError(
            f"{where}: was trained on the data set {settings['dataset']}, the ensemble is for "
            f"{own.settings['dataset']}; train it on that one"
        )
    if identity.splits != own.splits:
        raise CheckpointError(
            f"{where}: was trained on another split than the ensemble's (seed {settings['seed']}, "
            f"here {own.settings['seed']}), so its training part may contain what is tested here; "
            "train it with the same seed, eval_args and data"
        )


def _model(where: str, record: Mapping[str, Any]) -> Any:
    with same_run.set_up_again(where):
        return set_up.of_record(where, record).model


def distinct_names(members: Sequence[Member]) -> list[str]:
    """The names of the members' models, with a number behind one that is there before."""
    names: list[str] = []
    for member in members:
        same = sum(other.name == member.name for other in members[: len(names)])
        names.append(f"{member.name} {same + 1}" if same else member.name)
    return names
