"""Everything that is known of a file, for programs: events, tags, scores.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json

from speechbrain_mmsed.inference.formats.values import in_order, shown_name

SUFFIX = ".json"


def render(detection, source=None, path=None):
    """The content of one file's detection as JSON.

    Arguments
    ---------
    detection : Detection
        Events, tags and scores.
    source, path : object
        Not needed.

    Returns
    -------
    str
    """
    text = json.dumps(content(detection), ensure_ascii=False, allow_nan=False)
    return text + "\n"


def content(detection, with_frames=True):
    """The same as plain lists, numbers and text.

    Arguments
    ---------
    detection : Detection
        Events, tags and scores.
    with_frames : bool
        Whether the scores of the frames are there, which are most of it.

    Returns
    -------
    dict
        filename, duration (seconds), remark (what of the sound is lost,
        empty if nothing is), streams (name -> what became of it),
        events (onset, offset, event_label, score), tags (event_label,
        score: the classes the file as a whole has), clip_scores (class ->
        probability), frame_hop (seconds), labels, and frame_scores: a list
        of probabilities in the order of `labels` for each frame; frame k
        covers [k * frame_hop, (k + 1) * frame_hop).
    """
    scores = detection.scores
    result = {
        "filename": shown_name(scores.filename),
        "duration": round(float(scores.duration), 6),
        "remark": shown_name(scores.remark),
        "streams": {
            name: shown_name(text) for name, text in scores.streams.items()
        },
        "events": [
            {
                "onset": round(onset, 6),
                "offset": round(offset, 6),
                "event_label": label,
                "score": round(score, 6),
            }
            for onset, offset, label, score in in_order(detection.events)
        ],
        "tags": [
            {"event_label": label, "score": round(float(score), 6)}
            for label, score in detection.tags
        ],
        "clip_scores": {
            label: round(float(score), 6)
            for label, score in zip(scores.labels, scores.clip, strict=True)
        },
        "frame_hop": scores.frame_hop,
        "labels": list(scores.labels),
    }
    if with_frames:
        result["frame_scores"] = scores.frame.astype(float).round(4).tolist()
    return result
