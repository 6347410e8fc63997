"""A detector whose scores are the means of several detectors' scores.

Its folder holds theirs, and `SoundEventDetector.from_hparams` loads it like
any other. All members hear the same windows and see their own streams.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.dataio.streams.identity import fingerprint
from speechbrain_mmsed.inference.results import DetectionError
from speechbrain_mmsed.inference.trust import check_files
from speechbrain_mmsed.inference.weights import building, read_json
from speechbrain_mmsed.postprocessing.ensembles import mean_scores

# The folder of the members' folders.
MEMBERS = "members"
# Settings that members must share, so that they take the same windows.
SHARED = (
    *("labels", "frame_hop", "sample_rate", "clip_seconds", "n_frames"),
    *("min_video_coverage", "margin_frames", "shortest_hop", "peak_floor"),
)


def load_ensemble(cls, source, model=None, run_opts=None, **kwargs):
    """The detector of a folder that has `MEMBERS`.

    Arguments
    ---------
    cls : type
        SoundEventDetector.
    source : str
        The folder, on this machine.
    model, run_opts, kwargs
        As of `from_hparams`, for each member.

    Returns
    -------
    SoundEventDetector

    Raises
    ------
    DetectionError
        If a member cannot be loaded or does not fit the others.
    """
    with building(f"{source} does not build an ensemble"):
        return _load(cls, pathlib.Path(source), model, run_opts, kwargs)


def _load(cls, folder, model, run_opts, kwargs):
    """As `load_ensemble`."""
    check_files(folder.joinpath)
    found = read_json(folder / "postprocessing.json")
    model = model or next(iter(found), None)
    if model not in found:
        raise DetectionError(
            f"model is {model!r}, expected the one whose scores {folder} "
            f"averages: {', '.join(found)}"
        )
    tuned, members = found[model], {}
    widths, descriptions, builders = {}, {}, {}
    for name, weight in tuned["members"].items():
        member = members[name] = cls.from_hparams(
            folder / MEMBERS / name, model=model, run_opts=run_opts, **kwargs
        )
        # What its scores were averaged at, where it is another.
        member.primary_weight = (
            tuple(weight) if type(weight) is list else weight
        )
        _check_shared(members, name)
        own = member.embedders
        _check_streams(name, descriptions, own.descriptions)
        widths |= dict(zip(member.streams, member.setup.widths, strict=True))
        descriptions |= own.descriptions
        builders |= own.builders
    first = next(iter(members.values()))
    whole = cls(
        modules=dict(first.mods),
        hparams={
            **vars(first.hparams),
            "streams": list(widths),
            "stream_widths": widths,
            "embedders": builders,
        },
        run_opts=run_opts,
        folder=str(folder),
        postprocessing=tuned,
        descriptions=list(descriptions.values()),
        card=(folder / "README.md").read_text(encoding="utf-8"),
    )
    whole.members = list(members.values())
    # Folders that do not say it were written when there was one way.
    whole.average = tuned.get("average", "probability")
    return whole


def _check_shared(members, name):
    """Refuses a member that would take other windows than the first one."""
    first, expected = next(iter(members.items()))
    for key in SHARED:
        values = [getattr(m.hparams, key) for m in (expected, members[name])]
        if values[0] != values[1]:
            raise DetectionError(
                f"member {name} has {key} {values[1]}, where {first} has "
                f"{values[0]}; the detectors of an ensemble need the same"
            )


def _check_streams(name, expected, found):
    """Refuses a stream that is called like another one of other members."""
    for stream in expected.keys() & found.keys():
        prints = [fingerprint(d[stream]) for d in (expected, found)]
        if prints[0] != prints[1]:
            raise DetectionError(
                f"member {name}: its stream {stream} has the fingerprint "
                f"{prints[1]}, where others have {prints[0]}; extract it once "
                "and train all members on it"
            )


def average_windows(whole, items, weight):
    """Means of what the members' `score_windows` give."""
    found = []
    for member in whole.members:
        rows = [whole.streams.index(name) for name in member.streams]
        own = [
            (
                window,
                [features[row] for row in rows],
                [available[0], *(available[1 + row] for row in rows)],
            )
            for window, features, available in items
        ]
        found.append(member.score_windows(own, weight))
    return tuple(
        mean_scores(parts, whole.average) for parts in zip(*found, strict=True)
    )
