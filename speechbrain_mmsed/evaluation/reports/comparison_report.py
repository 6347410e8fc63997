"""Two evaluated systems compared on the same clips: table, picture, page.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from tqdm import tqdm

from speechbrain_mmsed.evaluation.readers.problems import PredictionError
from speechbrain_mmsed.evaluation.reports.comparison_table import (
    AVERAGES,
    comparison_table,
)
from speechbrain_mmsed.evaluation.reports.pictures.differences import (
    plot_differences,
)
from speechbrain_mmsed.evaluation.reports.pictures.page import write_page
from speechbrain_mmsed.evaluation.statistics.bootstrap import compare
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    KINDS,
    usual_resamples,
)
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    counts_file,
    counts_of_clips,
    load_counts,
)
from speechbrain_mmsed.files import write_json, write_text

CLIPS = {
    "all": "all clips",
    "video": "clips with video",
    "no-video": "clips without video",
}


def compare_reports(
    first, second, names=None, out=None, clips="all", n_resamples=None, seed=0
):
    """Compares what two evaluations left, figure by figure.

    Arguments
    ---------
    first, second : str or pathlib.Path
        Folder of a report, whose first system is taken, or counts_<name>.npz.
    names : sequence of str or None
        What the systems are called; from their files if None.
    out : str, pathlib.Path or None
        Gets comparison.json, comparison.md, comparison.html and a picture.
    clips : str
        A key of `CLIPS`.
    n_resamples : int or None
        For every figure; if None 2000 for F1 and 500 for PSDS.
    seed : int
        Seed of the draws.

    Returns
    -------
    dict
        What `compare` returns for each kind of figure that both have.

    Raises
    ------
    PredictionError
        Where a file is missing or foreign, or the systems were evaluated on
        other clips, classes or reference.
    """
    files = [counts_file(path) for path in (first, second)]
    loaded = [load_counts(file) for file in files]
    names = _names(files) if names is None else list(names)
    kinds = [k for k in KINDS if all(k in stats for stats, _ in loaded)]
    alone = sorted(set(loaded[0][0]) ^ set(loaded[1][0]))
    results = {}
    # A bar for kinds, because PSDS takes seconds and F1 next to nothing.
    for kind in tqdm(kinds, desc="comparing", disable=None, leave=False):
        pair = [stats[kind] for stats, _ in loaded]
        if clips != "all":
            keep = _clips_of(clips, loaded, files)
            pair = [counts_of_clips(counts, keep) for counts in pair]
        try:
            results[kind] = compare(
                *pair, names, n_resamples or usual_resamples(kind), seed=seed
            )
        except ValueError as error:
            raise PredictionError(f"{kind}: {error}") from error
    if not results:
        raise PredictionError(
            f"{files[0]} and {files[1]} have no figure in common: "
            f"{sorted(loaded[0][0])} and {sorted(loaded[1][0])}"
        )
    text, classes = _texts(results, names, files, clips, alone)
    print(text)
    if out is None:
        print(classes)
    else:
        _write(results, text, classes, pathlib.Path(out), names)
    return results


def _names(files):
    """Folders and systems, as short as they can be told apart."""
    systems = [file.stem.removeprefix("counts_") for file in files]
    folders = [file.resolve().parent.name for file in files]
    if systems[0] != systems[1]:
        return systems
    if folders[0] != folders[1]:
        return folders
    return [str(file) for file in files]


def _clips_of(clips, loaded, files):
    """The clips with, or without, video."""
    known = [(video, f) for (_, video), f in zip(loaded, files, strict=True)]
    known = [(video, f) for video, f in known if video is not None]
    if not known:
        raise PredictionError(
            f"--clips {clips}: neither {files[0]} nor {files[1]} knows which "
            "clips have video; evaluate with --video"
        )
    video, file = known[0]
    keep = {name for name, has in video.items() if has == (clips == "video")}
    if len(keep) < 2:
        raise PredictionError(
            f"--clips {clips}: {file} has {len(keep)} such clips, expected at "
            "least 2"
        )
    return keep


def _texts(results, names, files, clips, alone):
    """The comparison in markdown: averages, and classes."""
    some = next(iter(results.values()))
    labels = [name for name in some["figures"] if name not in AVERAGES]
    parts = [
        f"# {names[1]} against {names[0]}",
        f"{some['n_clips']} clips ({CLIPS[clips]}), the same for both; "
        f"differences are {names[1]} minus {names[0]}; both keep their own "
        "thresholds and windows.",
        f"- {names[0]}: {files[0]}\n- {names[1]}: {files[1]}",
        comparison_table(results),
    ]
    if alone:
        parts.append(f"Only one of the two has {', '.join(alone)}.")
    classes = comparison_table(results, labels, averages=False)
    return "\n\n".join(parts) + "\n", f"\n## Classes\n\n{classes}\n"


def _write(results, text, classes, out, names):
    """Everything but the screen."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "comparison.json", results)
    pictures = plot_differences(results, names, out)
    text += "".join(f"\n![{name}]({name})\n" for name in pictures) + classes
    write_text(out / "comparison.md", text)
    title = f"{names[1]} against {names[0]}"
    page = write_page(text, out, "comparison.html", title)
    print(f"results: {page} (one page), comparison.md, comparison.json")
