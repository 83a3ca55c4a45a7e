"""ray reads ``pkg_resources._vendor.packaging.version``: it is the packaging library."""

import sys

import packaging
import packaging.version

sys.modules[f"{__name__}.packaging"] = packaging
sys.modules[f"{__name__}.packaging.version"] = packaging.version
