"""Made-up detections, so that formats are tested without a network."""

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.inference.results import Detection, FileScores

LABELS = ["Alarm_bell_ringing", "Dog", "Speech"]
COLUMNS = ["filename", "onset", "offset", "event_label", "score"]
HOP = 0.1565


def build_detection(
    events=(), duration=10.0, labels=LABELS, filename="film.mp4", n_frames=None
):
    """What a detector returns, of events (onset, offset, label, score)."""
    if n_frames is None:
        n_frames = int(np.ceil(duration / HOP - 1e-9))
    frame = np.full((n_frames, len(labels)), 0.05, np.float32)
    for onset, offset, label, score in events:
        rows = slice(int(onset / HOP), int(np.ceil(offset / HOP)))
        frame[rows, labels.index(label)] = score
    clip = frame.max(axis=0) if n_frames else np.zeros(len(labels), np.float32)
    scores = FileScores(
        filename=filename,
        labels=list(labels),
        frame=frame,
        clip=clip,
        frame_hop=HOP,
        duration=duration,
        streams={"openl3": "absent: no video track"},
    )
    return Detection(
        events=pd.DataFrame(
            [[filename, *event] for event in events], columns=COLUMNS
        ),
        scores=scores,
        tags=[
            (label, float(score))
            for label, score in zip(labels, clip, strict=True)
            if score > 0.5
        ],
    )


@pytest.fixture(scope="session")
def make_detection():
    return build_detection


@pytest.fixture
def detection():
    events = [
        (6.26, 10.0, "Speech", 0.75),
        (0.626, 1.252, "Dog", 0.9),
        (0.626, 0.7825, "Speech", 0.6),
    ]
    return build_detection(events)
