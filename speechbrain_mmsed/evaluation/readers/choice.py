"""What else may be told of clips: class labels, and which have video.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.evaluation.readers.match import match_names
from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)
from speechbrain_mmsed.evaluation.readers.tables import header_of
from speechbrain_mmsed.evaluation.readers.truth import read_text_table

YES = {"1", "1.0", "true", "yes", "present"}
NO = {"0", "0.0", "false", "no", "absent", ""}


def read_labels(values):
    """Class labels given as words, or as one file with a label a line.

    Arguments
    ---------
    values : list of str
        What was given.

    Returns
    -------
    list of str
    """
    if len(values) == 1 and pathlib.Path(values[0]).is_file():
        text = pathlib.Path(values[0]).read_text(encoding="utf-8")
        values = [line.strip() for line in text.splitlines() if line.strip()]
    twice = sorted({label for label in values if values.count(label) > 1})
    if twice:
        raise PredictionError(f"--labels: {twice} are given twice")
    return list(values)


def read_video(path, known):
    """Which clips have video.

    Arguments
    ---------
    path : str or pathlib.Path
        Columns filename and has_video (1 or 0, true or false, yes or no), or
        a list of the clips that have video, one a line.
    known : iterable of str
        File names in the reference.

    Returns
    -------
    dict
        File name in the reference -> bool.
    """
    path, known = pathlib.Path(path), list(known)
    if not path.is_file():
        raise PredictionError(f"{path}: no such file; expected clips (--video)")
    if "has_video" in header_of(path):
        columns = ["filename", "has_video"]
        table = read_text_table(path, columns, "clips with video")
        said = table["has_video"].str.lower()
        bad = ~said.isin(YES | NO)
        if bad.any():
            line = bad.idxmax()
            raise PredictionError(
                f"{path}, line {line}: has_video is "
                f"{table['has_video'][line]!r}, expected 1 or 0"
            )
        given = dict(zip(table["filename"], said.isin(YES), strict=True))
        whole = True
    else:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        names = [line.split("\t")[0].strip() for line in lines]
        given = {n: True for n in names if n and n != "filename"}
        whole = False
    matched = match_names(given, known, str(path))
    unknown = [name for name in given if name not in matched]
    if unknown:
        raise PredictionError(
            f"{path}: {len(unknown)} clips are not in the table of durations: "
            f"{listed(unknown)}"
        )
    absent = set(known) - set(matched.values())
    if whole and absent:
        raise PredictionError(
            f"{path}: {len(absent)} clips have no row: {listed(absent)}; say "
            "of each whether it has video"
        )
    has_video = dict.fromkeys(known, False)
    has_video.update({clip: bool(given[n]) for n, clip in matched.items()})
    return has_video
