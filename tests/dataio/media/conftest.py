"""What tests of media leave behind is put right."""

import os
import sys

import pytest


@pytest.fixture(autouse=True)
def usual_priority():
    """SVT-AV1, run by root, makes its caller a real-time thread.

    That thread and those it starts then leave other processes no time.
    """
    yield
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
