"""Versions of packages for records, installed or only on the path.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata
import importlib.util
import os

import speechbrain_mmsed

OURS = "speechbrain_mmsed"


def version_of(package):
    """The version of a package; of one that is not installed, where it lies.

    Example
    -------
    >>> version_of("numpy") == importlib.import_module("numpy").__version__
    True
    >>> version_of("no_such_package")
    'not there'
    """
    try:
        installed = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        found = importlib.util.find_spec(package)
        if found is None:
            return "not there"
        module = importlib.import_module(package)
        version = getattr(module, "__version__", "unknown version")
        folder = os.path.dirname(found.origin or "")
        return f"{version}, not installed, at {folder}"
    # What is installed may be another copy than the one that runs.
    return speechbrain_mmsed.__version__ if package == OURS else installed


def library_versions(packages):
    """Package -> version, for a record."""
    return {name: version_of(name) for name in packages}
