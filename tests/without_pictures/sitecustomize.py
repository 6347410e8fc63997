"""Hides from the package, and not from others, that pictures can be drawn.

Python loads this file from a folder on its path, in every child as well. Nor
is torchvision there, which takes long to load.
"""

import importlib
import sys

_import_module = importlib.import_module


def _without(name, package=None):
    if name == "matplotlib.figure":
        raise ImportError(name)
    return _import_module(name, package)


importlib.import_module = _without
sys.modules["torchvision"] = None
