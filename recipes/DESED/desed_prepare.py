"""Preparation of DESED in the layout of DCASE 2020 task 4.

All knowledge of the corpus' folders and names stands here. In `data_folder`
are expected (every place can be changed by `subsets`):

| subset | metadata/ | audio/ and video/ | columns |
|---|---|---|---|
| strong | train/synthetic20/soundscapes.tsv | train/synthetic20/soundscapes \
(no video) | events |
| weak | train/weak.tsv | train/weak | filename, event_labels |
| unlabelled | train/unlabel_in_domain.tsv | train/unlabel_in_domain | \
filename |
| validation | validation/validation.tsv | validation | events |
| evaluation | eval/public.tsv | eval/public | events |

Events are the columns filename, onset, offset, event_label; a clip without
events has one row with empty cells. The set of clips is the table's:
`eval/public_meta.tsv` lists seven clips more than `public.tsv`, which are
ignored and counted. Recorded clips are called `Y<id>_30.000_40.000.wav`, in
the public evaluation set `<id>_120_130.wav`, synthetic ones `<n>.wav`; sound,
film and table are matched by (id, start, end), films in any container.
Films are optional, per file and altogether; synthetic clips were never
filmed. `test_dcase2018.tsv` and `eval_dcase2018.tsv` are parts of
`validation.tsv` and are not read. Durations are measured from the sound.

Table 2 of the paper counts 2584 strong, 1578 weak, 14412 unlabelled, 1168
validation and 692 evaluation clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.dataio.corpus.matching import index_folder
from speechbrain_mmsed.dataio.corpus.preparation import (
    PrepareError,
    Subset,
    prepare_corpus,
    stored_report,
)
from speechbrain_mmsed.dataio.media.sound import SOUND_SUFFIXES

KINDS = {
    "strong": {"labels": "events"},
    "weak": {"labels": "tags"},
    "unlabelled": {"labels": "none"},
    "validation": {"labels": "events", "truth": True},
    "evaluation": {"labels": "events", "truth": True},
}
SOUNDSCAPES = "train/synthetic20/soundscapes"
# subset: (folder under audio/ and video/, table under metadata/)
FOLDERS = {
    "strong": (SOUNDSCAPES, f"{SOUNDSCAPES}.tsv"),
    "weak": ("train/weak", "train/weak.tsv"),
    "unlabelled": ("train/unlabel_in_domain", "train/unlabel_in_domain.tsv"),
    "validation": ("validation", "validation/validation.tsv"),
    "evaluation": ("eval/public", "eval/public.tsv"),
}
LAYOUT = {
    name: {
        "audio": f"audio/{folder}",
        "tsv": f"metadata/{table}",
        "video": f"video/{folder}" if name != "strong" else None,
    }
    for name, (folder, table) in FOLDERS.items()
}


def prepare_desed(
    data_folder,
    prepared_folder,
    class_labels,
    subsets=None,
    clip_seconds=10.0,
    sample_rate=16000,
    max_missing_fraction=0.02,
    min_video_coverage=0.5,
    expected_counts=None,
    annotation_tolerance=0.5,
    unknown_labels="error",
    video_layout="clip",
    probe_film=None,
    skip_prep=False,
):
    """Writes manifests, ground truth and a report of what was found.

    In `prepared_folder`: manifests/<subset>.json, ground_truth/{validation,
    evaluation}{,_durations}.tsv, missing_sound.tsv, video_wanted.csv (films
    that are missing, for a download program), prepare_report.{json,md}.
    Nothing is written to the data folder. With unchanged inputs a second
    call does nothing.

    Arguments
    ---------
    data_folder, prepared_folder : str
        Folder that holds `audio`, `metadata` and perhaps `video`; where to
        write.
    class_labels : list of str
        The classes, in the network's order.
    subsets : dict or None
        subset -> dict with any of audio, tsv, video: places that differ
        from `LAYOUT`, absolute or relative to `data_folder`; video None:
        never filmed.
    clip_seconds, sample_rate : float, int
        Nominal length and rate; others are counted (and resampled later).
    max_missing_fraction : float
        Sound that may be missing, as a fraction of each subset.
    min_video_coverage : float
        A film that shows a smaller fraction of its clip is too short.
    expected_counts : dict or None
        subset -> number of clips of its table; other numbers are reported.
    annotation_tolerance : float
        Seconds by which an event may leave its clip and is cut; beyond
        that it is dropped.
    unknown_labels : str
        "error", or "drop" to leave out events of other classes.
    video_layout : str
        "clip": one film per clip, named as its sound; "source": whole films
        `<id>.<ext>`, of which the clip's part is used.
    probe_film : function or None
        What opens films, as in `prepare_corpus`; None: each film that
        exists counts as present.
    skip_prep : bool
        Use what an earlier call wrote, without looking at the data.

    Returns
    -------
    dict
        The content of prepare_report.json. A wrong or empty data folder, or
        too much missing sound, is a PrepareError; wrong tables are an
        AnnotationError.
    """
    if skip_prep:
        return stored_report(prepared_folder)
    places = _locate(data_folder, subsets or {})
    _check_places(data_folder, places, subsets or {})
    # Beside its own table, DESED lists the evaluation set once more, with
    # durations and with clips that are not part of it.
    listed = places["evaluation"]["tsv"]
    metas = {"evaluation": listed.removesuffix(".tsv") + "_meta.tsv"}
    return prepare_corpus(
        [
            Subset(name, **place, **KINDS[name], meta=metas.get(name))
            for name, place in places.items()
        ],
        prepared_folder,
        class_labels,
        probe_film=probe_film,
        clip_seconds=clip_seconds,
        sample_rate=sample_rate,
        max_missing_fraction=max_missing_fraction,
        min_video_coverage=min_video_coverage,
        expected_counts=expected_counts,
        annotation_tolerance=annotation_tolerance,
        unknown_labels=unknown_labels,
        video_layout=video_layout,
    )


def _locate(data_folder, subsets):
    """Subset -> dict of the absolute paths audio, tsv, video (or None)."""
    unknown = sorted(set(subsets) - set(LAYOUT))
    if unknown:
        raise PrepareError(
            f"subsets: {unknown} are not subsets, expected {list(LAYOUT)}."
        )
    places = {}
    for name, default in LAYOUT.items():
        given = subsets.get(name) or {}
        unknown = sorted(set(given) - set(default))
        if unknown:
            raise PrepareError(
                f"subsets: {name} has {unknown}, expected {list(default)}."
            )
        places[name] = {
            kind: place
            and os.path.abspath(os.path.join(data_folder, str(place)))
            for kind, place in {**default, **given}.items()
        }
    return places


def _check_places(data_folder, places, given):
    """Stops with one message if the corpus is not where it is looked for.

    A film folder that the user names must exist; otherwise films are
    optional.
    """
    lines, good = [], os.path.isdir(data_folder)
    exists = "" if good else ", which does not exist"
    for name, place in places.items():
        tsv = "found" if os.path.isfile(place["tsv"]) else "NOT FOUND"
        audio = "NOT FOUND"
        if os.path.isdir(place["audio"]):
            sounds = index_folder(place["audio"], SOUND_SUFFIXES)
            audio = "found" if sounds else "HOLDS NO SOUND FILES"
        lines.append(f"  {name}: table {place['tsv']}: {tsv}")
        lines.append(f"  {name}: sound {place['audio']}: {audio}")
        good = good and tsv == audio == "found"
        named = (given.get(name) or {}).get("video")
        if named and not os.path.isdir(place["video"]):
            good = False
            lines.append(f"  {name}: films {place['video']}: NOT FOUND")
    if not good:
        raise PrepareError(
            f"No DESED corpus in {os.path.abspath(data_folder)}{exists}. "
            "Looked for:\n" + "\n".join(lines) + "\nSet data_folder to the "
            "folder that holds audio and metadata, or name the places of a "
            "subset in the yaml."
        )
