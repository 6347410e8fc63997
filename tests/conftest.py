"""Fixtures that several test files share."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def shared_folder():
    """Folder of the research material; tests that need it skip without."""
    beside = pathlib.Path(__file__).resolve().parents[2] / "shared"
    folder = pathlib.Path(os.environ.get("MMSED_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"no research material at {folder} (set MMSED_SHARED)")
    return folder
