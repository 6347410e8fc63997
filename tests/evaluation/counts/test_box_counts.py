"""PSDS over all confidences of boxes, against psds_eval's operating points."""

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.counts.psds_counting import count_boxes
from speechbrain_mmsed.evaluation.metrics.psds import (
    areas_of_operating_points,
    psds_of_operating_points,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.postprocessing.boxes import box_scores, box_table
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.postprocessing.scores import ClipScores

LABELS = ["Dog", "Cat", "Saw", "Fox"]


def make_corpus(seed, n_clips=12):
    """Scores that follow events; no event of Fox, and clips of other length."""
    rng = np.random.default_rng(seed)
    names = [f"{n}.wav" for n in range(n_clips)]
    durations = rng.choice([10.0, 8.13, 9.9], n_clips)
    logits, rows = rng.normal(-2, 1, (n_clips, 64, 4)), []
    for n, c in np.ndindex(n_clips - 1, 3):
        if rng.random() < 0.6:
            onset = rng.uniform(0, 6)
            offset = onset + rng.exponential(2) + 0.1
            rows.append([names[n], onset, min(offset, 10.0), LABELS[c]])
            logits[n, int(onset * 6.4) : int(offset * 6.4) + 1, c] += 3
    frame = (1 / (1 + np.exp(-logits))).round(2)
    video = np.ones(n_clips, bool)
    scores = ClipScores(
        *(names, durations, LABELS, frame.max(axis=1), frame, video, 0.1565)
    )
    events = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    seconds = dict(zip(names, durations, strict=True))
    return scores, GroundTruth(events, seconds, LABELS)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("scenario", ["psds1", "psds2"])
def test_psds_is_that_of_a_table_for_each_confidence(seed, scenario):
    scores, truth = make_corpus(seed)
    boxes = box_scores(scores, [0.2, 0.3, 0.6, 0.2], [0.1] * 4, [2.0] * 4)
    table = box_table(boxes)
    levels = [0.0, *sorted(set(table["confidence"]))]
    points = [
        table.loc[table["confidence"] > level, EVENT_COLUMNS]
        for level in levels
    ]
    expected = psds_of_operating_points(points, truth, scenario)
    (counts,) = count_boxes(boxes, truth, [scenario])
    result = counts.result()
    assert result["value"] == pytest.approx(expected["value"], abs=1e-9)
    assert result["excluded_classes"] == ["Fox"]
    areas = areas_of_operating_points(points, truth, scenario)
    np.testing.assert_allclose(counts.areas(), areas, atol=1e-9)
    assert areas[:3].max() > 0.1
    (by_clip,) = count_boxes(boxes, truth, [scenario], whole=False)
    assert by_clip.result()["value"] == pytest.approx(result["value"])
    assert "all confidences as thresholds" in counts.definition
