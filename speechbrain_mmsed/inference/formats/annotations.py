"""Detections for tools in which sound is annotated and results are compared.

The functions `<format>_text` are those of `FORMATS`; they need the detection
only and ignore the source and the path.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json

from speechbrain_mmsed.inference.formats.values import in_order, shown_name

RAVEN_COLUMNS = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
    *("Annotation", "Score"),
)


def raven_text(detection, *_):
    """A selection table of Raven, the tool of bioacoustics."""
    lines = ["\t".join(RAVEN_COLUMNS)]
    for n, event in enumerate(in_order(detection.events), start=1):
        onset, offset, label, score = event
        lines.append(
            f"{n}\tSpectrogram 1\t1\t{onset:.6f}\t{offset:.6f}\t"
            f"{shown_name(label)}\t{score:.4f}"
        )
    return "\n".join(lines) + "\n"


def rttm_text(detection, *_):
    """Rich transcription time marks, which diarisation tools read.

    A line for each event: type, file, channel, onset, duration, label, score.
    Fields end at white space, so that it is written as `_`.
    """
    name = _one_word(detection.scores.filename)
    return "".join(
        f"SPEAKER {name} 1 {onset:.6f} {offset - onset:.6f} <NA> <NA> "
        f"{_one_word(label)} {score:.4f} <NA>\n"
        for onset, offset, label, score in in_order(detection.events)
    )


def label_studio_text(detection, *_):
    """A task with predictions, which Label Studio imports.

    For a project with `<Audio name="audio" value="$audio"/>` and
    `<Labels name="label" toName="audio">`; where the file can be had is to be
    put before its name in `data`.
    """
    scores = detection.scores
    results = [
        {
            "from_name": "label",
            "to_name": "audio",
            "type": "labels",
            "original_length": round(float(scores.duration), 6),
            "value": {
                "start": round(onset, 6),
                "end": round(offset, 6),
                "channel": 0,
                "labels": [label],
            },
            "score": round(score, 6),
        }
        for onset, offset, label, score in in_order(detection.events)
    ]
    task = {
        "data": {"audio": shown_name(scores.filename)},
        "predictions": [
            {"model_version": "speechbrain_mmsed", "result": results}
        ],
    }
    return json.dumps([task], ensure_ascii=False, allow_nan=False) + "\n"


def _one_word(text):
    """A name without white space."""
    return "_".join(shown_name(text).split()) or "_"
