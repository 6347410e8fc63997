"""Lets hypothesis and SpeechBrain live in one process."""

import sys


def pytest_runtest_setup():
    """Hide SpeechBrain's lazy modules from hypothesis.

    Hypothesis asks each loaded module for its file, which makes SpeechBrain's
    lazy modules import k2 and others that nobody installed.
    """
    tools = sys.modules.get("speechbrain.utils.importutils")
    if tools is not None:
        tools.LazyModule.__file__ = None
