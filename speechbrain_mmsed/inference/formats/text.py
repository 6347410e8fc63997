"""Detections as text: table, JSON, label track, TextGrid and subtitles.

The functions `<format>_text` are those of `FORMATS`; they need the detection
only and ignore the source and the path.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import io
import json

from speechbrain_mmsed.inference.formats.values import (
    in_order,
    seconds_text,
    shown_classes,
    shown_name,
)

TSV_HEADER = "filename\tonset\toffset\tevent_label\tscore\n"


def tsv_text(detection, *_):
    """A table of events: the columns of DESED's annotations and a score.

    Any evaluation of this field can read it. A file without events has a row
    with its name and nothing else, as in DESED.
    """
    events = in_order(detection.events)
    return TSV_HEADER + tsv_rows(detection.scores.filename, events)


def tsv_rows(filename, events):
    """The rows of one file, without the header; events as of `in_order`.

    Example
    -------
    >>> tsv_rows("a.mp4", [(0.626, 1.252, "Dog", 0.9)])
    'a.mp4\\t0.626\\t1.252\\tDog\\t0.9000\\n'
    """
    name = shown_name(filename)
    lines = [
        f"{name}\t{seconds_text(onset)}\t{seconds_text(offset)}\t{label}\t"
        f"{score:.4f}\n"
        for onset, offset, label, score in events
    ]
    return "".join(lines) or f"{name}\t\t\t\t\n"


def csv_text(detection, *_):
    """The same table with commas, which spreadsheets open by themselves."""
    text = io.StringIO()
    rows = [row.split("\t") for row in tsv_text(detection).splitlines()]
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def json_text(detection, *_):
    """Everything that is known of a file, for programs."""
    content = json_content(detection)
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def json_content(detection, with_frames=True):
    """A detection as plain lists, numbers and text.

    Arguments
    ---------
    detection : Detection
        Events, tags and scores.
    with_frames : bool
        Whether the scores of the frames are included, which are most of it.

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
    clip = zip(scores.labels, scores.clip, strict=True)
    result = {
        "filename": shown_name(scores.filename),
        "duration": _rounded(scores.duration),
        "remark": shown_name(scores.remark),
        "streams": {k: shown_name(v) for k, v in scores.streams.items()},
        "events": [
            {
                "onset": _rounded(onset),
                "offset": _rounded(offset),
                "event_label": label,
                "score": _rounded(score),
            }
            for onset, offset, label, score in in_order(detection.events)
        ],
        "tags": [
            {"event_label": label, "score": _rounded(score)}
            for label, score in detection.tags
        ],
        "clip_scores": {label: _rounded(score) for label, score in clip},
        "frame_hop": scores.frame_hop,
        "labels": list(scores.labels),
    }
    if with_frames:
        result["frame_scores"] = scores.frame.astype(float).round(4).tolist()
    return result


def audacity_text(detection, *_):
    """A label track that Audacity imports (File, Import, Labels).

    Start, end and text; six decimals, as Audacity writes them itself.
    """
    return "".join(
        f"{onset:.6f}\t{offset:.6f}\t{shown_name(label)}\n"
        for onset, offset, label, _ in in_order(detection.events)
    )


def audacity_scores_text(detection, *_):
    """The same with each event's score behind its name: `Dog 0.87`.

    For looking at: read back as annotations, these would be many classes.
    """
    return "".join(
        f"{onset:.6f}\t{offset:.6f}\t{shown_name(label)} {score:.2f}\n"
        for onset, offset, label, score in in_order(detection.events)
    )


def textgrid_text(detection, *_):
    """A TextGrid for Praat, in its long form: a tier for each class.

    Tiers of intervals have no gaps: what is no event is an interval with an
    empty text. All classes have a tier, also those that were not found, so
    that the files of a folder have the same tiers and can be corrected by
    hand; of many classes, those of `shown_classes`.
    """
    labels, _ = shown_classes(detection)
    end = float(detection.scores.duration)
    rows = in_order(detection.events)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {end:.6f}", "tiers? <exists>"]
    lines += [f"size = {len(labels)}", "item []:"]
    for number, label in enumerate(labels, start=1):
        spans = [(a, b) for a, b, name, _ in rows if name == label]
        intervals = _without_gaps(spans, end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(label)}",
            "        xmin = 0",
            f"        xmax = {end:.6f}",
            f"        intervals: size = {len(intervals)}",
        ]
        for place, (begin, stop, is_event) in enumerate(intervals, start=1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {begin:.6f}",
                f"            xmax = {stop:.6f}",
                f"            text = {_quoted(label if is_event else '')}",
            ]
    return "\n".join(lines) + "\n"


def webvtt_text(detection, *_):
    """Subtitles that any player or browser shows: a cue for each event."""
    cues = ["WEBVTT\n"]
    for begin, end, label in _cues(detection):
        text = label.replace("&", "&amp;")
        text = text.replace("<", "&lt;").replace(">", "&gt;")
        cues.append(f"{_timestamp(begin)} --> {_timestamp(end)}\n{text}\n")
    return "\n".join(cues)


def srt_text(detection, *_):
    """Subtitles of the older kind: numbered, and with decimal commas."""
    cues = [
        f"{n}\n{_timestamp(begin)} --> {_timestamp(end)}\n".replace(".", ",")
        + f"{label}\n"
        for n, (begin, end, label) in enumerate(_cues(detection), start=1)
    ]
    return "\n".join(cues)


def _cues(detection):
    """Yields (begin, end) in milliseconds and label; each ends later."""
    for onset, offset, label, _ in in_order(detection.events):
        begin = round(1000 * onset)
        yield begin, max(round(1000 * offset), begin + 1), shown_name(label)


def _rounded(value):
    """A number as JSON has it."""
    return round(float(value), 6)


def _without_gaps(spans, end):
    """(begin, stop, whether an event) from 0 to the end; none is empty."""
    intervals, at = [], 0.0
    # Compared as they are written, or an interval could be written empty.
    spans = [(round(a, 6), round(min(b, end), 6)) for a, b in spans]
    for begin, stop in spans:
        if stop <= begin:
            continue
        if begin > at:
            intervals.append((at, begin, False))
        intervals.append((begin, stop, True))
        at = stop
    if round(end, 6) > at or not intervals:
        intervals.append((at, end, False))
    return intervals


def _quoted(text):
    """A string of Praat: quotes inside are doubled."""
    return '"' + shown_name(text).replace('"', '""') + '"'


def _timestamp(milliseconds):
    """A time as WebVTT writes it."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
