"""The recipe for a corpus of one's own, and small corpora."""

import importlib
import pathlib
import sys

import numpy as np
import pytest
import soundfile

RECIPE = (
    pathlib.Path(__file__).resolve().parents[3]
    / "recipes/own_corpus/sound_event_detection"
)


@pytest.fixture(scope="session")
def load_own():
    """Loads a file of the recipe by its name; train.py as own_train."""

    def load(name):
        if str(RECIPE) not in sys.path:
            sys.path.append(str(RECIPE))  # DESED has a train.py too
        if name != "train":
            return importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(
            "own_train", RECIPE / "train.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def write_sound():
    """Writes tones over faint noise, and returns the path."""

    def write(path, seconds, rate=8000, channels=1, events=(), seed=0):
        rng = np.random.default_rng(seed)
        sound = 0.003 * rng.standard_normal(round(seconds * rate))
        for onset, offset, frequency in events:
            first, last = round(onset * rate), round(offset * rate)
            t = np.arange(last - first) / rate
            sound[first:last] += 0.3 * np.sin(2 * np.pi * frequency * t)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.stack([sound] * channels, 1), rate)
        return path

    return write
