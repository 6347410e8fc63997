"""What is known of the clips: reference, durations, names, labels, video.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

import numpy as np

from speechbrain_mmsed.dataio.corpus.tables import without_nothing
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.readers.tables import (
    TIMES,
    header_of,
    read_text_table,
    rows_of,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.problems import (
    PredictionError,
    listed,
    refuse_clips,
    refuse_rows,
    repeated,
)

# Of a clip, and of a true event after its end: more are milliseconds.
MOST_SECONDS, MOST_LATE = 1e6, 3600
_NUMBER = r"(?ai)[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?inf(inity)?"
_YES = {"1", "1.0", "true", "yes", "present"}
_NO = {"0", "0.0", "false", "no", "absent", ""}


def read_truth(tsv, durations_tsv, labels=None, notes=None):
    """GroundTruth of two tables; labels are those of the events if None.

    Events that less than half of the annotators heard (a column confidence)
    are none; `notes`, a list, gets a sentence about them.
    """
    durations = _read_durations(durations_tsv)
    events = read_events(tsv, "ground truth")
    absent = set(events["filename"]) - set(durations)
    problem = f"have no duration in {durations_tsv}"
    refuse_clips(tsv, absent, problem, "; add them there")
    if labels is None:
        labels = sorted(events["event_label"].dropna().unique())
    if not labels:
        raise PredictionError(
            f"{tsv}: no events, so no classes; name them with --labels"
        )
    late = events["offset"] - events["filename"].map(durations) > MOST_LATE
    problem = "ends more than an hour after its clip; expected seconds"
    refuse_rows(tsv, events, {problem: late})
    if "confidence" in events:
        unsure = events["confidence"] < 0.5
        events = events[~unsure]
        if notes is not None:
            notes.append(
                f"{unsure.sum()} events of the ground truth {tsv} have a "
                "confidence below 0.5; they are none."
            )
    try:
        return GroundTruth(events, durations, labels)
    except ValueError as error:
        raise PredictionError(f"{tsv}: {error}") from error


def read_events(path, what="events"):
    """Events by the line of their file; empty cells are NaN, or None.

    With a column confidence if the file has one.
    """
    titles = header_of(path) if pathlib.Path(path).is_file() else []
    numbers = [*TIMES, *{"confidence"} & set(map(str.lower, titles))]
    columns = EVENT_COLUMNS + numbers[2:]
    table = without_nothing(read_text_table(path, columns, what))
    refuse_rows(path, table, {"no file name": table["filename"] == ""})
    label = table["event_label"].astype(object)
    return table.assign(
        **{name: _numbers(table, name, path) for name in numbers},
        event_label=label.where(label != "", None),
    )


def _numbers(table, name, path):
    """A column of texts as float64; empty cells are NaN."""
    texts = table[name].astype(object).str.replace(",", ".")
    what = "a number" if name == "confidence" else "seconds"
    bad = ~texts.str.fullmatch(_NUMBER) & (texts != "")
    refuse_rows(path, table, {f"expected {what} as {name}": bad})
    # Python's float() rounds correctly, unlike the parsers of pandas.
    return texts.where(texts != "", "nan").astype(np.float64)


def _read_durations(path):
    """File name -> seconds, from columns filename and duration."""
    table = read_text_table(path, ["filename", "duration"], "durations")
    seconds = _numbers(table, "duration", path)
    problem = f"expected seconds > 0, below {MOST_SECONDS:g}, as duration"
    bad = ~((seconds > 0) & (seconds < MOST_SECONDS))
    refuse_rows(path, table, {problem: bad})
    twice = table["filename"][table["filename"].duplicated()].unique()
    refuse_clips(path, twice, "appear twice", "; keep one line of each")
    if table.empty:
        raise PredictionError(f"{path}: no clips")
    return dict(zip(table["filename"], seconds.tolist(), strict=True))


def match_names(given, known, source):
    """Given name -> known clip of that name, with or without its ending."""
    exact, stems = set(known), {}
    for name in exact:
        stems.setdefault(name.rsplit(".", 1)[0], []).append(name)
    matched, owners = {}, {}
    for name in given:
        clips = [name] if name in exact else stems.get(name, [])
        if len(clips) > 1:
            raise PredictionError(
                f"{source}: {name} may be any of {listed(clips)} in the "
                "reference; name the predictions with the ending"
            )
        for clip in clips:
            matched[name] = clip
            owners.setdefault(clip, []).append(name)
    twice = [clip for clip, names in owners.items() if len(names) > 1]
    if twice:
        raise PredictionError(
            f"{source}: {len(twice)} clips have predictions twice, the first "
            f"{twice[0]} as {listed(owners[twice[0]])}; keep one of each"
        )
    return matched


def match_all(given, known, source, reference):
    """Known clip -> given name, of files that must be of the same clips."""
    matched = match_names(given, known, source)
    problems = {
        "predictions but no duration": set(given) - set(matched),
        "a duration but no predictions": set(known) - set(matched.values()),
    }
    texts = [
        f"{len(clips)} clips have {problem}: {listed(clips)}"
        for problem, clips in problems.items()
        if clips
    ]
    if texts:
        raise PredictionError(
            f"{source} and {reference} are of different clips: "
            f"{'; '.join(texts)}. Give predictions, durations and ground truth "
            "of the same clips"
        )
    return {clip: name for name, clip in matched.items()}


def read_labels(values):
    """Class labels given as words, or as one file with a label a line."""
    if len(values) == 1 and pathlib.Path(values[0]).is_file():
        # Commas and tabs may be in a label; this stands in none.
        values = [cells[0] for _, cells in rows_of(values[0], "\x1f")]
    if repeated(values):
        raise PredictionError(f"--labels: {repeated(values)} are given twice")
    return list(values)


def check_labels(labels, scored, what):
    """Classes that are left out; refuses scores without one of the others.

    `what` begins the message.
    """
    missing = [label for label in labels if label not in scored]
    if missing:
        raise PredictionError(
            f"{what} of the classes {missing}; there are {scored}. Give these "
            "with --labels"
        )
    return [label for label in scored if label not in labels]


def read_video(path, known):
    """Clip -> whether it has video, by a table or a list of those that do."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise PredictionError(f"{path}: no such file; expected clips (--video)")
    of_all = "has_video" in header_of(path)
    if of_all:
        table = read_text_table(path, ["filename", "has_video"], "flags")
        flags = table["has_video"].str.lower()
        bad = ~flags.isin(_YES | _NO)
        refuse_rows(path, table, {"expected 1 or 0 as has_video": bad})
        given = dict(zip(table["filename"], flags.isin(_YES), strict=True))
    else:
        names = {cells[0] for _, cells in rows_of(path, "\t")}
        given = dict.fromkeys(sorted(names - {"", "filename"}), True)
    matched = match_names(given, known, str(path))
    unknown = set(given) - set(matched)
    refuse_clips(path, unknown, "are not in the table of durations")
    if of_all:
        absent = set(known) - set(matched.values())
        advice = "; say of each whether it has video"
        refuse_clips(path, absent, "have no row", advice)
    with_video = {clip for name, clip in matched.items() if given[name]}
    return {clip: clip in with_video for clip in known}
