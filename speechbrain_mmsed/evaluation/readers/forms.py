"""Predictions of any system, found on disk and told apart by their content.

Three forms are read:

* `npz`: ClipScores as training writes them, one file or a folder of
  `weight_<w>.npz`;
* `score-tsv`: a folder with one table of scores for each clip, columns
  onset, offset and one for each class (the layout of sed_scores_eval);
* `event-tsv`: a folder with one table of events for each operating point,
  columns filename, onset, offset, event_label.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)
from speechbrain_mmsed.evaluation.readers.tables import files_of, header_of
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

FORMS = {
    "npz": "scores written by this package",
    "score-tsv": "a table of scores for each clip",
    "event-tsv": "a table of events for each operating point",
}


def form_of_header(header):
    """The form of predictions that a table belongs to.

    Arguments
    ---------
    header : list of str
        Its column titles.

    Returns
    -------
    str or None
        "score-tsv", "event-tsv" or None.

    Example
    -------
    >>> form_of_header(["onset", "offset", "Dog", "Cat"])
    'score-tsv'
    >>> form_of_header(["event_label", "onset", "offset", "filename", "index"])
    'event-tsv'
    """
    if set(EVENT_COLUMNS) <= set(header):
        return "event-tsv"
    if header[:2] == ["onset", "offset"] and len(header) > 2:
        return "score-tsv"
    return None


def recognise(path):
    """Tell the form of predictions from their content.

    Arguments
    ---------
    path : str or pathlib.Path
        Folder or file.

    Returns
    -------
    str
        A key of `FORMS`.

    Raises
    ------
    PredictionError
        Where there is nothing, something else, or more than one form.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise PredictionError(
            f"{path}: no such folder or file; expected predictions"
        )
    found = {"npz": files_of(path, (".npz",))}
    for file in files_of(path, (".tsv", ".csv")):
        form = form_of_header(header_of(file))
        if form is None:
            raise PredictionError(
                f"{file}: columns {header_of(file)[:6]}, expected onset, "
                "offset and one column for each class (scores of one clip), "
                f"or {', '.join(EVENT_COLUMNS)} (events of one operating "
                "point); take other tables out of the folder"
            )
        found.setdefault(form, []).append(file)
    found = {form: files for form, files in found.items() if files}
    if not found:
        raise PredictionError(f"{path}: {_what_is_there(path)}")
    if len(found) > 1:
        forms = "; ".join(
            f"{form}: {files[0].name} ({len(files)} files)"
            for form, files in found.items()
        )
        raise PredictionError(
            f"{path}: predictions of more than one form ({forms}); keep one "
            "form in a folder, or choose one with --format"
        )
    return next(iter(found))


def _what_is_there(path):
    """Why a folder is no folder of predictions."""
    expected = (
        "expected npz files of scores, or tsv files of scores or of events"
    )
    if path.is_file():
        return f"neither npz nor tsv; {expected}"
    folders = sorted(p.name for p in path.iterdir() if p.is_dir())
    if folders:
        return (
            f"no predictions in this folder; {expected}. It has the folders "
            f"{listed(folders)}: give one of them (training writes "
            "<scores_folder>/<model>/<subset>)"
        )
    return f"no predictions in this folder; {expected}"
