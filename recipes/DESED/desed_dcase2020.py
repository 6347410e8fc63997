"""Preparation of DESED in the layout of DCASE 2020 task 4.

In `data_folder` are expected (every place can be changed by `subsets`):

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

from speechbrain_mmsed.dataio.corpus.preparation import (
    Subset,
    prepare_corpus,
    stored_report,
)

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


def prepare_desed(
    data_folder,
    prepared_folder,
    class_labels,
    subsets=None,
    skip_prep=False,
    prepare=prepare_corpus,
    **settings,
):
    """Writes manifests, ground truth and a report of what was found.

    Nothing is written to the data folder.

    Arguments
    ---------
    data_folder, prepared_folder, class_labels, **settings
        The folder that holds `audio`, `metadata` and perhaps `video`, and
        what `prepare_corpus` takes.
    subsets : dict or None
        subset -> list of dict with audio, tsv and video, of which it is made
        up: absolute or relative to `data_folder`; video None: never filmed.
    skip_prep : bool
        Use what an earlier call wrote, without looking at the data.
    prepare : function
        `prepare_corpus`, or what does the same.

    Returns
    -------
    dict
        The content of prepare_report.json.
    """
    if skip_prep:
        return stored_report(prepared_folder)
    parts = []
    for subset, (folder, table) in FOLDERS.items():
        place = {"audio": f"audio/{folder}", "tsv": f"metadata/{table}"}
        place["video"] = f"video/{folder}" if subset != "strong" else None
        for paths in (subsets or {}).get(subset, [place]):
            paths = {
                kind: path and os.path.join(os.path.abspath(data_folder), path)
                for kind, path in paths.items()
            }
            # Beside its own table, DESED lists the evaluation set once more,
            # with durations and with clips that are not part of it.
            if subset == "evaluation":
                stem = os.path.splitext(paths["tsv"])[0]
                paths["meta"] = f"{stem}_meta.tsv"
            parts.append(Subset(subset, **paths, **KINDS[subset]))
    return prepare(parts, prepared_folder, class_labels, **settings)
