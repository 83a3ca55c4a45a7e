"""The search space of ``run_hyper``: a file in RecBole's format, checked before the first trial."""

import ast
import math
import reprlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from recbole_ext.config.settings import KeySource
from recbole_ext.errors import SettingError
from recbole_ext.registry import keys, model_size

Space = dict[str, dict[str, list[Any]]]  # kind -> name -> choices, or [low, high(, step)]

_NUMBERS = {"uniform": 2, "loguniform": 2, "quniform": 3}

# Trials are made and compared by these settings, which have to be the same for all.
_COMMON = {"data_path", "eval_args", "fixed_negatives", "metrics", "topk", "valid_metric"}

_LARGEST_LOG = 88.0  # of a number within float32


def read_space(file: str | Path) -> Space:
    """A search space in RecBole's format, one setting a line:

        learning_rate loguniform -8,0          (the logarithms of the bounds)
        dropout_prob choice [0.0, 0.1, 0.2]
        mlp_hidden_size choice [[64], [64, 32]]
        reg_weight uniform 0,1
        train_batch_size quniform 256,2048,256

    Blank lines and lines that start with # are skipped.

    Raises:
        SettingError: the file is missing or empty, or a line is not of this form.
    """
    path = Path(file)
    try:
        if path.exists() and not path.is_file():
            raise SettingError(f"--params_file: {path}: expected a file, found a folder or a pipe")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--params_file: {path}: {error}") from error
    space: Space = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{path}, line {number}"
        name, kind, text = [*line.split(None, 2), "", ""][:3]
        try:
            values = ast.literal_eval(text if kind == "choice" else f"[{text}]")
            fits = isinstance(values, list) and len(values) > 0
            if kind != "choice":
                fits = len(values) == _NUMBERS[kind] and all(map(_is_number, values))
        except (KeyError, SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            fits = False
        if not fits:
            raise SettingError(
                f"{where}: expected `name choice [a, b]`, `name uniform low,high`, "
                "`name loguniform low,high` or `name quniform low,high,step`; found "
                f"{reprlib.repr(line.strip())}"
            )
        if any(name in named for named in space.values()):
            raise SettingError(f"{where}: {name}: is there twice; keep one line")
        if kind != "choice":
            _check_bounds(kind, values, f"{where}: {name}")
        space.setdefault(kind, {})[name] = values
    if not space:
        raise SettingError(f"--params_file: {path}: no setting to search over")
    return space


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _check_bounds(kind: str, values: list[float], where: str) -> None:
    """Raise an error for a range that is empty, or that is probably a mistake.

    Raises:
        SettingError: it says what the numbers mean.
    """
    low, high = values[:2]
    if low >= high:
        raise SettingError(f"{where}: expected low,high with low below high, found {low},{high}")
    if kind == "loguniform":
        looks_plain = low > 0 and high <= 1
        if looks_plain or high > _LARGEST_LOG:
            found = f"{math.exp(low):.4g} to {math.exp(high):.4g}" if looks_plain else f"{high}"
            advice = f"; write {math.log(low):.4g},{math.log(high):.4g}" if low > 0 else ""
            raise SettingError(
                f"{where}: expected the natural logarithms of the bounds, such as -7,0 for 0.0009 "
                f"to 1, found {low},{high} ({found}){advice}"
            )
    if kind == "quniform":
        step = values[2]
        if step <= 0 or any(abs(x / step - round(x / step)) > 1e-9 for x in (low, high)):
            raise SettingError(
                f"{where}: expected a step above 0 that divides low and high, found "
                f"{low},{high},{step}"
            )


def check_space(
    file: str,
    space: Space,
    model: str,
    defaults: Mapping[str, Any],
    continuous: bool,
    given: Collection[str] = (),
) -> None:
    """Raise an error if a model does not read a setting of the space, or a value is not valid.

    Args:
        file: of the space, for messages.
        space: see ``read_space``.
        model: its name.
        defaults: the settings of a run without the search.
        continuous: whether the tool can draw from ranges.
        given: settings of the command line, which holds for all trials.

    Raises:
        SettingError: it names the file and the setting.
    """
    searched = KeySource([name for named in space.values() for name in named], file)
    keys.check_keys(model, [searched], defaults)
    for name in sorted(_COMMON & set(searched.keys)):
        raise SettingError(
            f"{file}: {name}: has to be the same for all trials; give it as --{name}=VALUE"
        )
    for name in sorted({*given} & set(searched.keys)):
        raise SettingError(
            f"{file}: {name}: is searched here, and --{name} on the command line is for all "
            "trials; remove one of the two"
        )
    ranges = sorted(space.keys() - {"choice"})
    if ranges and not continuous:
        raise SettingError(
            "--params_file: the exhaustive search takes choices alone, found "
            f"{', '.join(ranges)}; list the values, or use --tool=Ray"
        )
    for kind, settings in space.items():
        for name, values in settings.items():
            tried = [_plain(value) for value in values[:2]]
            if kind == "choice":
                tried = [_plain(value) for value in values]
            elif kind == "loguniform":
                tried = [math.exp(value) for value in tried]
            elif kind == "quniform" and is_whole(defaults.get(name), values):
                tried = [int(value) for value in tried]
            keys.check_space(model, {name: tried}, file)
            model_size.check_space(model, {name: tried}, defaults, file)


def _plain(value: Any) -> Any:
    """A choice as RecBole's Config reads it: the text of a value becomes that value."""
    if isinstance(value, str):
        with suppress(SyntaxError, ValueError):
            return ast.literal_eval(value)
    return value


def is_whole(default: Any, numbers: list[float]) -> bool:
    """Whether a setting is a whole number, by its default, and all that is drawn for it is."""
    is_int = isinstance(default, int) and not isinstance(default, bool)
    return is_int and all(float(number).is_integer() for number in numbers)
