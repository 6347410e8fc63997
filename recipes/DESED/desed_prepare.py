"""Preparation of DESED, wherever the desed package or a baseline put it.

Clips, tables and names are those of `desed_dcase2020.py`; the folders of the
desed package and of the baselines of DCASE 2019 to 2024 are found by looking.
`data_folder` and the folders in it, down to three deep, such as `dcase_synth`,
are looked into for these, in this order:

| subset | audio/ and video/ | metadata/ |
|---|---|---|
| strong, synthetic (no video) | train/<set>/soundscapes, train/<set> | \
train/<set>/soundscapes, train/<set> |
| strong, real | train/strong_label_real | train/audioset_strong |
| weak | train/weak | train/weak |
| unlabelled | train/unlabel_in_domain | train/unlabel_in_domain |
| validation | validation/validation, validation | validation/validation |
| evaluation | eval/public | eval/public |

<set> is synthetic20, synthetic21_train, synthetic20_train, synthetic, or
another folder whose name begins so. Sound may be in `<folder>_16k` as well, of
which the original is preferred; tables end in .tsv or .csv. Of several places
that hold a subset the first is taken, for the same place the one less deep, and
the others are named.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import itertools
import os

from desed_dcase2020 import KINDS
from desed_dcase2020 import prepare_desed as prepare_places
from file_names import match_downloads
from unchanged import checked_report, prepare_if_changed

from speechbrain_mmsed.dataio.corpus.matching import list_media
from speechbrain_mmsed.dataio.corpus.preparation import PrepareError
from speechbrain_mmsed.dataio.media.sound import SOUND_SUFFIXES
from speechbrain_mmsed.files import write_json

REAL = "real"
SYNTHETIC = ["synthetic20", "synthetic21_train"]
SYNTHETIC += ["synthetic20_train", "synthetic"]
# Sets of strong clips. auto: the first synthetic one and the real one, as far
# as they are there.
LAYOUTS = {
    "auto": None,
    "desed": [REAL],
    "dcase2019": ["synthetic"],
    "dcase2020": ["synthetic20"],
    "dcase2021": ["synthetic21_train"],
    "dcase2022": ["synthetic21_train", REAL],
    "dcase2023": ["synthetic21_train", REAL],
    "dcase2024": ["synthetic21_train", REAL],
}
# Folders below audio/ and video/, tables below metadata/
PLACES = {
    REAL: (["train/strong_label_real"], ["train/audioset_strong"]),
    "weak": (["train/weak"],) * 2,
    "unlabelled": (["train/unlabel_in_domain"],) * 2,
    "validation": (
        ["validation/validation", "validation"],
        ["validation/validation"],
    ),
    "evaluation": (["eval/public"],) * 2,
}
DEPTH = 3


def prepare_desed(
    data_folder,
    prepared_folder,
    class_labels,
    subsets=None,
    layout="auto",
    batch_sizes=None,
    skip_prep=False,
    **settings,
):
    """Writes manifests, ground truth and a report of what was found.

    What is written is said in `prepare_corpus`; nothing is written to the
    data folder. With unchanged inputs a second call does nothing. One line
    says what was found where.

    Arguments
    ---------
    data_folder, prepared_folder : str
        The folder of the corpus; where to write.
    class_labels : list of str
        The classes, in the network's order.
    subsets : dict or None
        subset -> dict with any of audio, tsv, video, instead of what is
        found; or a list of such dicts, whose clips make up the subset. Paths
        are absolute or relative to `data_folder`; video None: never filmed.
    layout : str
        A key of `LAYOUTS`: which strong clips are used.
    batch_sizes : dict or None
        subset -> its clips in a batch: one with 0 may be absent. For an
        evaluation set that is absent, validation stands.
    skip_prep : bool
        Use what an earlier call wrote, without looking at the data.
    **settings
        `probe_film` and settings of `prepare_corpus`.

    Returns
    -------
    dict
        The content of prepare_report.json.

    Raises
    ------
    PrepareError
        If the corpus is not found, or `prepare_corpus` raises it.
    """
    if skip_prep:
        report = checked_report(prepared_folder)
        _check_batches(report, prepared_folder, batch_sizes)
        return report
    idle = [name for name, size in (batch_sizes or {}).items() if size == 0]
    found, line = find_desed(data_folder, subsets or {}, layout, idle)
    report = prepare_places(
        data_folder,
        prepared_folder,
        class_labels,
        found,
        prepare=prepare_if_changed,
        match=match_downloads,
        note=line,
        **settings,
    )
    for name in [name for name in KINDS if not found[name]]:
        write_json(os.path.join(prepared_folder, f"manifests/{name}.json"), {})
    _check_batches(report, prepared_folder, batch_sizes)
    return report


def _check_batches(report, prepared_folder, batch_sizes):
    """Stops where batches ask for clips of a subset that has none."""
    for name, size in (batch_sizes or {}).items():
        path = os.path.join(prepared_folder, f"manifests/{name}.json")
        if size and not report["subsets"].get(name, {}).get("in_manifest"):
            raise PrepareError(
                f"{path} has no clips, but batch_{name} is {size}: set it to "
                "0, or prepare some (of weak clips those with a label count)"
            )


def find_desed(data_folder, given, layout="auto", idle=()):
    """Subset -> list of dicts of audio, tsv and video; and a line on them.

    Arguments and errors are those of `prepare_desed`; `idle` may be absent.
    """
    _check_names("layout", [layout], LAYOUTS)
    _check_names("subsets", given, KINDS)
    roots = _roots(data_folder)
    found, texts, faults, looked = {}, [], [], []
    for subset in KINDS:
        sets = [subset]
        if subset == "strong":
            sets = LAYOUTS[layout] or [*_synthetic_sets(roots), REAL]
        places, unused = _places(roots, sets)
        if given.get(subset):
            named = given[subset]
            named = named if isinstance(named, list) else [named]
            places = [_filled(roots[0], subset, n, places[0]) for n in named]
            unused, sets = [], []
        absent, missing = "", [len(_faults(place)) for place in places]
        if subset in idle and any(missing):
            places, absent = [], f"{subset} is not there, and in no batch"
        elif subset == "evaluation" and missing == [2] and sets:
            places = found["validation"]
            absent = "evaluation is validation: tuning and test are one"
        for place in places:
            own = _faults(place)
            faults += [f"{subset}: {fault}" for fault in own]
            looked += [p for s in sets if own for p in sum(_places_of(s), [])]
        found[subset] = places
        texts.append(absent or _text(roots[0], subset, places, unused))
    if faults:
        exists = "" if os.path.isdir(roots[0]) else ", which does not exist"
        tried = ", ".join(dict.fromkeys(looked))
        tried = f" Looked for {tried} in {', '.join(roots)}." if looked else ""
        raise PrepareError(
            f"No corpus with DESED's folders in {roots[0]}{exists}: "
            f"{'; '.join(faults)}.{tried} Set data_folder to the folder that "
            "holds audio and metadata, or name the places of a subset in "
            "subset_paths."
        )
    return found, f"found in {roots[0]}: {'; '.join(texts)}"


def _check_names(what, names, known):
    """Stops at a name that is not known."""
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise PrepareError(
            f"{what}: {unknown} unknown, expected some of {list(known)}."
        )


def _roots(data_folder):
    """The folder, and those in it that hold audio or metadata, by depth."""
    top = os.path.abspath(data_folder)
    found = [(0, top)]
    for folder, names, _ in os.walk(top, followlinks=True):
        depth = folder.removeprefix(top).count(os.sep)
        if depth and {"audio", "metadata"} & set(names):
            found.append((depth, folder))
        below = {name for name in names if name[0] != "."}
        below -= {"audio", "metadata", "video"}
        names[:] = below if depth < DEPTH else ()
    return [folder for _, folder in sorted(found)]


def _synthetic_sets(roots):
    """Names of sets of synthetic clips, the known ones first."""
    folders = [os.path.join(root, "audio", "train") for root in roots]
    names = {n for f in folders if os.path.isdir(f) for n in os.listdir(f)}
    names = {n.removesuffix("_16k") for n in names if n.startswith("synthetic")}
    return [*SYNTHETIC, *sorted(names - set(SYNTHETIC))]


def _places_of(name):
    """Folders and tables at which a set of clips may be."""
    both = [f"train/{name}/soundscapes", f"train/{name}"]
    return PLACES.get(name, (both, both))


def _places(roots, sets):
    """Places of sets of clips, and folders and tables that are not used.

    Of several synthetic sets the first one that is there with its table.
    """
    looks, unused = {name: _look(roots, name) for name in sets}, []
    if set(SYNTHETIC) <= set(sets):
        heard = {name: looks[name][0]["audio"] for name in sets}
        heard = {name: audio for name, audio in heard.items() if _sounds(audio)}
        whole = [name for name in heard if not _faults(looks[name][0])]
        first, *others = [n for n in whole or heard if n != REAL] or SYNTHETIC
        sets = [n for n in whole or heard if n not in others] or [first]
        unused = [audio for name, audio in heard.items() if name not in sets]
    unused += [path for name in sets for path in looks[name][1]]
    return [looks[name][0] for name in sets], unused


def _look(roots, name):
    """The place of a set of clips, and other folders and tables of it."""

    def there(kind, places, endings, is_good):
        paths = [
            os.path.join(root, kind, place + ending)
            for place in places
            for ending in endings
            for root in roots
        ]
        # A link to a place is the same place.
        good = {}
        for path in filter(is_good, paths):
            good.setdefault(os.path.realpath(path), path)
        return list(good.values()) or paths[:1]

    folders, tables = _places_of(name)
    audio, *others = there("audio", folders, ("", "_16k"), _sounds)
    tsv, *more = there("metadata", tables, (".tsv", ".csv"), os.path.isfile)
    video, rest = None, []
    if name in PLACES:  # synthetic clips were never filmed
        video, *rest = there("video", folders, ("", "_16k"), list_media)
    unused = [*others, *more, *rest]
    return {"audio": audio, "tsv": tsv, "video": video}, unused


def _sounds(folder):
    """The sound files of a folder."""
    return list_media(folder, SOUND_SUFFIXES)


def _filled(data_folder, subset, given, found):
    """A place as the user names it; what is not named is what was found."""
    _check_names(f"subsets: {subset} has", given, found)
    place = {
        kind: path and os.path.abspath(os.path.join(data_folder, str(path)))
        for kind, path in {**found, **given}.items()
    }
    # Films are optional, but not where their folder is named.
    if given.get("video") and not os.path.isdir(place["video"]):
        raise PrepareError(f"{subset}: films {place['video']}: NOT FOUND.")
    return place


def _faults(place):
    """What of a place is not there."""
    faults = []
    if not os.path.isfile(place["tsv"]):
        faults.append(f"table {place['tsv']}: NOT FOUND")
    elif _is_empty(place["tsv"]):
        faults.append(f"table {place['tsv']}: LISTS NO CLIPS")
    if not _sounds(place["audio"]):
        is_there = os.path.isdir(place["audio"])
        fault = "HOLDS NO SOUND FILES" if is_there else "NOT FOUND"
        faults.append(f"sound {place['audio']}: {fault}")
    return faults


def _is_empty(path):
    """Whether a table has no line with content but that of the titles."""
    with open(path, "rb") as file:
        lines = (line for line in file if line.strip(b'\0 \t\r\n,;"'))
        return len(list(itertools.islice(lines, 2))) < 2


def _text(top, subset, places, unused):
    """What the line on the corpus says of a subset."""
    parts = []
    for place in places:
        paths = [place["audio"], place["tsv"]]
        if place["video"] and os.path.isdir(place["video"]):
            paths.append(place["video"])
        parts.append(", ".join(os.path.relpath(path, top) for path in paths))
    others = ", ".join(os.path.relpath(path, top) for path in unused)
    others = f" (there, but not used: {others})" if others else ""
    return f"{subset} {' and '.join(parts)}{others}"
