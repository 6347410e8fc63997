"""What predictions and ground truth must agree on before they are counted.

Common wrappers around sed_eval ignore predictions for unknown clips, and
sed_eval itself ignores unknown labels; both would raise a figure silently.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


def check_predictions(predictions, truth):
    """Refuse predictions that the libraries would ignore or misread.

    Arguments
    ---------
    predictions : pandas.DataFrame
        Columns filename, event_label; for events also onset and offset.
    truth : GroundTruth
        Reference.

    Raises
    ------
    ValueError
        Listing clips that are not in the reference, unknown labels, or
        events without a proper onset and offset.
    """
    missing = sorted({"filename", "event_label"} - set(predictions))
    if missing or ("onset" in predictions) != ("offset" in predictions):
        raise ValueError(
            f"predictions have the columns {list(predictions)}, expected "
            "filename and event_label, and for events onset and offset"
        )
    absent = set(predictions["filename"]) - set(truth.durations)
    if absent:
        clips = sorted(map(str, absent))
        raise ValueError(
            f"predictions for {len(clips)} clips that are not in the ground "
            f"truth: {clips[:20]}; evaluate the same clips on both sides"
        )
    unknown = set(predictions["event_label"]) - set(truth.labels)
    if unknown:
        raise ValueError(
            f"predictions with labels {sorted(map(str, unknown))}, the "
            f"ground truth has {truth.labels}"
        )
    if "onset" in predictions:
        onset = predictions["onset"].astype(np.float64)
        offset = predictions["offset"].astype(np.float64)
        good = (onset >= 0) & (offset >= onset) & np.isfinite(offset)
        if not good.all():
            raise ValueError(
                f"{(~good).sum()} predicted events have an onset below 0, an "
                "offset before the onset or none; the first is "
                f"{predictions[~good].iloc[0].to_dict()}"
            )


def check_same_clips(scores, truth):
    """Refuse scores and ground truth of different clips or classes.

    Arguments
    ---------
    scores : ClipScores
        Scores.
    truth : GroundTruth
        Reference.
    """
    if scores.labels != truth.labels:
        raise ValueError(
            f"scores are for the classes {scores.labels}, the ground truth "
            f"for {truth.labels}; give both the same list"
        )
    extra = sorted(set(scores.filenames) - set(truth.durations))
    absent = sorted(set(truth.durations) - set(scores.filenames))
    if extra or absent:
        raise ValueError(
            f"scores and ground truth differ: {len(extra)} clips have scores "
            f"only: {extra[:20]}; {len(absent)} have ground truth only: "
            f"{absent[:20]}. Take subsets of the same clips"
        )
