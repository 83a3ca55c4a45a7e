"""What group ``output`` puts into RecBole: what a run shows, and the record of what it was."""

import atexit
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from recbole_ext.trainer import outputs, terminal
from recbole_ext.trainer.identity import PARTS, RunIdentity
from recbole_ext.trainer.progress import Counts, Progress, RunRecord, RunResult, score_name

H = TypeVar("H", bound=logging.Handler)

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# Seconds after which a bar is shown: a short epoch needs none.
BAR_DELAY = 1.0


# --- the log --------------------------------------------------------------------------------


class WarningLines(logging.Formatter):
    """``warning: the message``, as the commands print warnings, without time and colours."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {_COLOURS.sub('', record.getMessage())}"


class Once(logging.Filter):
    """Lets each message through once: RecBole repeats some for each part of a split."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_new = message not in self.messages
        self.messages.add(message)
        return is_new


def init_logger(
    wrapped: Callable[..., None], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``init_logger``: the file gets all lines, the terminal what ``terminal`` says."""
    import colorama  # type: ignore[import-untyped]

    wrapped(*args, **kwargs)
    for file in _of_type(logging.FileHandler):
        if file.stream is not None:
            file.stream.reconfigure(encoding="utf-8")  # names of users and items, in any locale
    on_terminal = _of_type(logging.StreamHandler)
    if terminal.output() != "log":
        # RecBole's colours wrap the streams, and end each line and the process with a code
        colorama.deinit()
        atexit.unregister(colorama.initialise.reset_all)
        for handler in on_terminal:
            _show_warnings_alone(handler)
    elif os.environ.get("NO_COLOR"):
        for handler in on_terminal:
            handler.setFormatter(logging.Formatter("%(asctime)-15s %(levelname)s  %(message)s"))
            handler.addFilter(_without_colours)


def _of_type(kind: type[H]) -> list[H]:
    """RecBole's handlers of a kind: of no subclass, which other programs have."""
    return [handler for handler in logging.getLogger().handlers if type(handler) is kind]


def _show_warnings_alone(handler: "logging.StreamHandler[Any]") -> None:
    handler.setLevel(max(handler.level, logging.WARNING))
    handler.setFormatter(WarningLines())
    handler.setStream(sys.stderr)
    if not any(isinstance(one, Once) for one in handler.filters):
        handler.addFilter(Once())


def _without_colours(record: logging.LogRecord) -> bool:
    record.msg = _COLOURS.sub("", str(record.msg))
    return True


def get_tensorboard(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Wraps ``get_tensorboard``: the curves of a run that is refused are removed."""
    writer = wrapped(*args, **kwargs)
    outputs.curves_begun(writer)
    return writer


# --- bars -----------------------------------------------------------------------------------


def progress_bar(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Wraps ``tqdm``: a bar that is gone when it has ended, and none without a terminal."""
    shown = terminal.output()
    label = str(kwargs.get("desc", ""))
    if shown == "log":
        if os.environ.get("NO_COLOR"):
            kwargs = {**kwargs, "desc": _COLOURS.sub("", label)}
        return wrapped(*args, **kwargs)
    is_off = shown == "nothing" or not terminal.is_terminal()
    looks = {"desc": bar_label(label), "leave": False, "delay": BAR_DELAY, "disable": is_off}
    return wrapped(*args, **{**kwargs, **looks})


def bar_label(label: str) -> str:
    """RecBole's label of a bar in our words; it counts epochs from 0 on."""
    text = " ".join(_COLOURS.sub("", label).split())
    if epoch := re.fullmatch(r"Train (\d+)", text):
        return f"epoch {int(epoch[1]) + 1}"
    return "evaluation" if text == "Evaluate" else text


# --- the run --------------------------------------------------------------------------------


def counts_of(dataset: Any) -> Counts:
    """The size of RecBole's ``Dataset`` before it is split; item 0 and user 0 are padding."""
    return Counts(dataset.user_num - 1, dataset.item_num - 1, dataset.inter_num, {})


def begin(config: Any, counts: Counts, loaders: Sequence[Any]) -> None:
    """In ``run_recbole``, once the data is split: shows the sizes, and begins to count epochs.

    Args:
        config: of the run, which keeps its progress.
        counts: of the data set before it was split.
        loaders: of train, valid and test; None for a part that is not there.
    """
    parts = {
        part: len(loader._dataset)
        for part, loader in zip(PARTS, loaders, strict=True)
        if loader is not None
    }
    counts = Counts(counts.users, counts.items, counts.interactions, parts)
    config.recbole_ext_progress = Progress(
        counts,
        score_name(config.final_config_dict),
        loss_digits=config["loss_decimal_place"] or 4,
        metric_digits=config["metric_decimal_place"] or 4,
        has_loss=config["MODEL_TYPE"].name != "TRADITIONAL",
    )
    if config["local_rank"] == 0:
        terminal.say(f"data: {counts}")


def _progress(trainer: Any) -> Progress | None:
    """That of the run, in the first of several processes; None outside ``run_recbole``."""
    if trainer.config["local_rank"] != 0:
        return None
    return getattr(trainer.config, "recbole_ext_progress", None)


def generate_train_loss_output(
    wrapped: Callable[..., str], trainer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str:
    """Wraps ``Trainer._generate_train_loss_output``, which is called once an epoch."""

    def generate(epoch_idx: int, s_time: float, e_time: float, losses: Any) -> str:
        outputs.trained()
        progress = _progress(trainer)
        if progress is not None:
            epoch, step = epoch_idx + 1, trainer.eval_step
            is_validated = step > 0 and epoch % step == 0 and "valid" in progress.counts.parts
            progress.trained(epoch, losses, e_time - s_time, is_validated)
        return wrapped(epoch_idx, s_time, e_time, losses)

    return generate(*args, **kwargs)


def valid_epoch(
    wrapped: Callable[..., tuple[float, Any]],
    trainer: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[float, Any]:
    """Wraps ``_valid_epoch`` of both kinds of trainers."""
    start = time.perf_counter()
    score, metrics = wrapped(*args, **kwargs)
    outputs.trained()  # trees have no epochs
    progress = _progress(trainer)
    if progress is not None:
        progress.validated(score, time.perf_counter() - start)
    return score, metrics


def with_record(result: Mapping[str, Any], trainer: Any) -> RunResult:
    """In ``run_recbole``, at its end: its result, with the record of the run."""
    config = trainer.config
    progress: Progress = config.recbole_ext_progress
    progress.flush()
    start = getattr(trainer, "start_epoch", 0)  # trees have none: they are not resumed
    validated = progress.validated_epoch or start
    best = validated - trainer.cur_step * max(trainer.eval_step, 1)
    is_validated = trainer.eval_step > 0 and "valid" in progress.counts.parts
    identity = getattr(config, "recbole_ext_identity", None)
    checkpoint = trainer.saved_model_file
    record = RunRecord(
        identity=identity if identity is not None else RunIdentity.of_run(config),
        counts=progress.counts,
        epochs=max(progress.epoch, start),
        best_epoch=best if is_validated else 0,
        seconds=progress.seconds,
        checkpoint=checkpoint if Path(checkpoint).is_file() else "",
        log=_log_file(),
    )
    return RunResult(result, record)


def _log_file() -> str:
    files = _of_type(logging.FileHandler)
    return os.path.relpath(files[0].baseFilename) if files else ""
