"""A detector that needs no network, for what happens around one."""

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.dataio.media.sound import SoundError
from speechbrain_mmsed.inference import (
    Detection,
    DetectionError,
    FileScores,
)


class MadeUpDetector:
    """Finds the letters of a file's content: a Dog for each d, a Cat for c.

    A file that holds "mute" has no sound, one that holds "bug" meets an
    error that nobody foresaw.
    """

    labels = ["Cat", "Dog"]
    streams = ["openl3"]

    def __init__(self):
        self.listened = []

    def detect_files(self, paths, **how):
        for path in paths:
            self.listened.append(path)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            if "bug" in text:
                raise ZeroDivisionError("nobody foresaw this")
            if "mute" in text:
                error = DetectionError(f"{path}: its sound is absent; convert")
                error.__cause__ = SoundError(path, "absent: no sound track")
                yield path, error
                continue
            yield path, self._detection(path, text)

    def _detection(self, path, text):
        found = [("Dog", c) if c == "d" else ("Cat", c) for c in text]
        rows = [
            [path, 2.0 * n, 2.0 * n + 1, label, 0.75]
            for n, (label, _) in enumerate(found)
        ]
        columns = ["filename", "onset", "offset", "event_label", "score"]
        scores = FileScores(
            filename=path,
            labels=self.labels,
            frame=np.full((64, 2), 0.25),
            clip=[0.9 * ("c" in text), 0.8 * ("d" in text)],
            frame_hop=0.1565,
            duration=10.0,
            streams={"openl3": "used" if "d" in text else "absent: no film"},
        )
        tags = [
            (label, float(score))
            for label, score in zip(self.labels, scores.clip, strict=True)
            if score > 0.5
        ]
        return Detection(pd.DataFrame(rows, columns=columns), scores, tags)


@pytest.fixture
def made_up():
    return MadeUpDetector()


@pytest.fixture
def recordings(tmp_path):
    """A folder of files for the made-up detector."""
    folder = tmp_path / "films"
    for name, text in {
        "1.wav": "d",
        "2.wav": "mute",
        "3.wav": "bug",
        "4.wav": "",
        "deep/5.mp4": "dc",
        "deep/5.wav": "ccc",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
