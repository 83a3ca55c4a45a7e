"""What tells whether an environment has the problem that a patch solves.

Each function is called when its patch is about to be applied, and imports its library then.
"""

import importlib.util
import sys
import warnings

from recbole_ext.registry import releases


def ray_lacks_pkg_resources() -> bool:
    """Whether setuptools lacks pkg_resources (82 and later), which old Ray and hyperopt import."""
    if importlib.util.find_spec("pkg_resources") is not None:
        return False
    return releases.ray_reads_pkg_resources() or importlib.util.find_spec("hyperopt") is not None


def compiler_is_not_imported() -> bool:
    """Whether torch's compiler has not been imported."""
    return "torch._dynamo" not in sys.modules


def numpy_has_no_bool8() -> bool:
    """Whether numpy has removed ``bool8`` (2.0 and later)."""
    import numpy

    return not hasattr(numpy, "bool8")


def numpy_has_no_float_() -> bool:
    """Whether numpy has removed ``float_`` (2.0 and later)."""
    import numpy

    return not hasattr(numpy, "float_")


def dok_has_no_update() -> bool:
    """Whether scipy has removed ``dok_matrix._update`` (1.13 and later)."""
    from scipy.sparse import dok_matrix

    return not hasattr(dok_matrix, "_update")


def fillna_in_place_is_lost() -> bool:
    """Whether ``frame[column].fillna(..., inplace=True)`` fills a copy (pandas 3 and later)."""
    import pandas as pd

    frame = pd.DataFrame({"x": [float("nan")]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns about what is tested here
        frame["x"].fillna(0.0, inplace=True)
    return bool(frame["x"].isna().any())


def agg_no_longer_maps() -> bool:
    """Whether ``Series.agg(len)`` is one number (pandas 3 and later)."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return not isinstance(pd.Series([[1, 2], [3]]).agg(len), pd.Series)


def values_are_read_only() -> bool:
    """Whether ``Series.values`` cannot be written to (pandas 3 and later)."""
    import pandas as pd

    return not pd.DataFrame({"x": [1.0]})["x"].values.flags.writeable


def scaler_has_moved() -> bool:
    """Whether torch has ``torch.amp.GradScaler`` (2.3 and later)."""
    import torch

    return hasattr(torch.amp, "GradScaler")


def no_cuda() -> bool:
    """Whether torch finds no CUDA device."""
    import torch

    return not torch.cuda.is_available()
