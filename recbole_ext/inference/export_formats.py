"""The formats of an export, and checks that need no model."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from recbole_ext.data import writable
from recbole_ext.errors import FileError, SettingError

Format = Literal["onnx", "safetensors", "embeddings"]

# format -> the endings of its files, and the libraries that it needs
FORMATS: dict[Format, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "onnx": ((".onnx",), ("onnx", "onnxruntime")),
    "safetensors": ((".safetensors",), ("safetensors",)),
    "embeddings": ((".npz", ".parquet"), ()),
}


def check(format_: Format, path: Path) -> None:
    """Refuse a file that could not be written.

    Raises:
        FileError: its ending is of another format, or it cannot be written.
        SettingError: a library is missing.
    """
    endings, libraries = FORMATS[format_]
    if path.suffix not in endings:
        raise FileError(
            f"--output: {path}: expected a name that ends in {' or '.join(endings)}, found "
            f"{path.suffix or 'no ending'}"
        )
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        raise SettingError(
            f"--format {format_} needs {' and '.join(missing)}; pip install 'recbole-ext[export]'"
        )
    writable.check_file(path, "--output")
