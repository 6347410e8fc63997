"""Clips of predictions and clips of the reference: the same, or an error.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)


def match_names(given, known, source):
    """Which clip of the reference each clip of the predictions is.

    Score tables are named after a clip without its ending, so both the whole
    name and the name without its last ending are tried.

    Arguments
    ---------
    given : iterable of str
        Names in the predictions.
    known : iterable of str
        File names in the reference.
    source : str
        The predictions, for messages.

    Returns
    -------
    dict
        For each given name the name in the reference; names that are not in
        it are left out.

    Raises
    ------
    PredictionError
        Where two clips of the reference, or of the predictions, have the
        same name but for the ending.

    Example
    -------
    >>> match_names(["Y_1.000_2.000"], ["Y_1.000_2.000.wav"], "folder")
    {'Y_1.000_2.000': 'Y_1.000_2.000.wav'}
    """
    known = list(known)
    exact, stems = set(known), {}
    for name in known:
        stems.setdefault(name.rsplit(".", 1)[0], []).append(name)
    matched = {}
    for name in given:
        if name in exact:
            matched[name] = name
        elif len(stems.get(name, ())) == 1:
            matched[name] = stems[name][0]
        elif name in stems:
            raise PredictionError(
                f"{source}: {name} may be any of {listed(stems[name])} in the "
                "reference; name the predictions with the ending"
            )
    owners = {}
    for name, clip in matched.items():
        owners.setdefault(clip, []).append(name)
    twice = {clip: names for clip, names in owners.items() if len(names) > 1}
    if twice:
        clip, names = next(iter(twice.items()))
        raise PredictionError(
            f"{source}: {len(twice)} clips have predictions twice, the first "
            f"{clip} as {listed(names)}; keep one of each"
        )
    return matched


def check_coverage(given, matched, known, source, reference):
    """Refuse predictions and reference of different clips.

    Arguments
    ---------
    given : iterable of str
        Names in the predictions.
    matched : dict
        As `match_names` returns.
    known : iterable of str
        File names in the reference.
    source : str
        The predictions.
    reference : str
        The table of durations, which names the clips of the reference.
    """
    extra = [name for name in given if name not in matched]
    absent = sorted(set(known) - set(matched.values()))
    problems = []
    if extra:
        problems.append(
            f"{len(extra)} clips have predictions but no duration: "
            f"{listed(extra)}"
        )
    if absent:
        problems.append(
            f"{len(absent)} clips have a duration but no predictions: "
            f"{listed(absent)}"
        )
    if problems:
        raise PredictionError(
            f"{source} and {reference} are of different clips: "
            f"{'; '.join(problems)}. Give predictions, durations and ground "
            "truth of the same clips"
        )
