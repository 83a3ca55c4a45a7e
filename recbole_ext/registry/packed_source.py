"""The source of a model on its way to other processes and machines, and back from a checkpoint.

A benchmark is of one source: its processes run the texts that were read when it was started, or
refuse to run.
"""

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from recbole_ext.errors import RegistryError
from recbole_ext.registry import model_source, models
from recbole_ext.registry.model_source import ModelSource


@dataclass(frozen=True)
class PackedSource:
    """Where the class of a model is, with the texts of its files by their paths from its root."""

    source: ModelSource
    files: dict[str, str]

    @property
    def hash(self) -> str:
        """See ``ModelSource``."""
        return self.source.hash


def pack(name: str) -> PackedSource | None:
    """The source of a model; None for one of RecBole's or of ours, which every process has.

    Raises:
        RegistryError: no file has the class, so that no other process can have it.
    """
    if not models.is_known(name):
        return None
    source = models.source(name)
    if not source.file:
        raise RegistryError(
            f"{source}: the class is of a program or a notebook, which other processes do not "
            f"have; write it into a file and name it as my_model.py:{name}"
        )
    if not source.hash:
        return None
    files = source.files()
    if model_source.hash_of(files) != source.hash:
        raise RegistryError(f"{source}: has changed since it was named; start again")
    return PackedSource(source, files)


def pack_all() -> list[PackedSource]:
    """The sources that this process has registered and that have files."""
    packed = (pack(name) for name in models.told() if models.source(name).file)
    return [one for one in packed if one is not None]


def adopt(packed: PackedSource | None, folder: Path | None = None) -> None:
    """Make the model of another process known in this one.

    Args:
        packed: as the other process has it; None does nothing.
        folder: that files are written to, if this machine does not have them; None for that of
            temporary files. They are removed when this process ends.

    Raises:
        RegistryError: this machine has another source of the model.
    """
    if packed is None:
        return
    source, name = packed.source, packed.source.name
    if models.is_known(name) and models.source(name).hash == source.hash:
        return
    here: Path | None = Path(source.file)
    if source.module:
        here = model_source.module_file(source.module, source.root)
    if here is not None and here.is_file():
        root = model_source.root_of(here, source.module)
        digest = model_source.source_hash(here, root, source.module)
        if digest == source.hash:
            models.add(source, root)
            return
        if source.module:
            raise RegistryError(
                f"{source}: {here} is not the source with which this was started (hash "
                f"{source.hash}, found {digest}); install the same on each machine, or start again"
            )
    where = None if folder is None else folder.absolute()
    place = Path(tempfile.mkdtemp(prefix="recbole-ext-model-", dir=where))
    # not atexit, which the processes of multiprocessing do not run
    Finalize(None, shutil.rmtree, (place,), {"ignore_errors": True}, exitpriority=0)
    for path, text in packed.files.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
    models.add(source, place)


def restore(record: Mapping[str, Any], name: str, where: str) -> None:
    """Make the model of a checkpoint known, by where its class was when it was saved.

    Args:
        record: of the checkpoint, as ``ModelSource.record`` gives it.
        name: of its model.
        where: the checkpoint.

    Raises:
        RegistryError: the class is not there any more; the message says what to give.
    """
    saved = _of_record(record, name, where)
    if not models.is_known(name):
        models.add(_found_again(saved, where))
    now = models.source(name)
    if saved.hash and now.hash != saved.hash:
        warnings.warn(
            f"{where}: {now} has changed since this checkpoint was saved (the hash of its source "
            f"was {saved.hash}, is {now.hash}); its weights are of the earlier source",
            stacklevel=2,
        )


_KEYS = {field.name for field in fields(ModelSource)}  # of a source in a checkpoint


def is_of_another(record: Any, name: str) -> bool:
    """Whether the source in a checkpoint is whole, but of another model than its settings name."""
    return isinstance(record, Mapping) and record.keys() == _KEYS and record["name"] != name


def _of_record(record: Any, name: str, where: str) -> ModelSource:
    texts = isinstance(record, Mapping) and all(isinstance(v, str) for v in record.values())
    if not texts or record.keys() != _KEYS or record["name"] != name:
        raise RegistryError(
            f"{where}: model_source: expected where the class of {name} is, found something else; "
            "use a checkpoint that a run has saved"
        )
    return ModelSource(**record)


def _found_again(saved: ModelSource, where: str) -> ModelSource:
    advice = (
        f"give --model=FILE.py:{saved.name} or --model=MODULE:{saved.name} (in Python: "
        f"recbole_ext.load(FILE, model=...), or recbole_ext.register({saved.name}) before)"
    )
    if not saved.file:
        raise RegistryError(
            f"{where}: its model {saved.name} was a class of a program or a notebook, which no "
            f"file has; {advice}"
        )
    file: Path | None = Path(saved.file)
    if saved.module:
        file = model_source.module_file(saved.module, saved.root)
    if file is None or not file.is_file():
        place = f"module {saved.module} ({saved.file})" if saved.module else f"file {saved.file}"
        raise RegistryError(f"{where}: its model {saved.name} was in the {place}; {advice}")
    try:
        if saved.module:
            return model_source.of_module(saved.module, saved.name, "", "", saved.root)
        return model_source.of_file(file, saved.name)
    except RegistryError as error:
        raise RegistryError(f"{where}: its model: {error}; {advice}") from error
