"""Reports on disk, of one evaluation and of two that are compared.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from tqdm import tqdm

from speechbrain_mmsed.evaluation.reports.charts import (
    draw_availability,
    draw_classes,
    draw_differences,
    has_matplotlib,
    save,
)
from speechbrain_mmsed.evaluation.reports.documents import (
    markdown,
    write_page,
)
from speechbrain_mmsed.evaluation.reports.report_tables import (
    AVERAGES,
    differences_table,
)
from speechbrain_mmsed.evaluation.reports.system_pictures import draw_system
from speechbrain_mmsed.evaluation.statistics.bootstrap import compare
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    KINDS,
    usual_resamples,
)
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    counts_file,
    counts_of_clips,
    counts_path,
    load_counts,
    save_counts,
)
from speechbrain_mmsed.files import write_json, write_text
from speechbrain_mmsed.folders import plain_name
from speechbrain_mmsed.problems import PredictionError

NO_MATPLOTLIB = (
    "No pictures: matplotlib is not installed "
    '(pip install "speechbrain_mmsed[plot]").'
)
CLIPS = {
    "all": "all clips",
    "video": "clips with video",
    "no-video": "clips without video",
}


def write_report(
    report, folder, systems, truth, counts, spectrogram, pictures=True
):
    """Writes report.json, .md, .html, pictures, counts_<system>.npz.

    Of a report of `report_data`, which gets "pictures", EvaluatedSystem by
    name, and counts of `count_system`. Returns the page's path.
    """
    folder = pathlib.Path(folder)
    for name, (statistics, has_video) in counts.items():
        save_counts(counts_path(folder, name), statistics, has_video)
    report["pictures"] = {"files": [], "reason": "No pictures were asked for."}
    if pictures:
        report["pictures"] = plot_report(
            report, folder, systems, truth, spectrogram
        )
    # NaN is no JSON, and no figure of this report may be NaN.
    write_json(folder / "report.json", report)
    return _write_texts("report", "Report", folder, {"report": report})


def _write_texts(name, title, folder, content):
    """Markdown and page of a template of this name; returns the page."""
    text = markdown(f"{name}.txt", title, **content)
    write_text(folder / f"{name}.md", text)
    return write_page(f"{name}.txt", title, folder / f"{name}.html", **content)


def plot_report(report, folder, systems=None, truth=None, spectrogram=None):
    """Draws what there is data for: names of files, or why there are none."""
    if not has_matplotlib():
        return {"files": [], "reason": NO_MATPLOTLIB}
    figures = {
        "class_wise_f1": draw_classes(report),
        "availability": draw_availability(report),
    }
    for name, system in (systems or {}).items():
        figures |= draw_system(name, system, truth, spectrogram)
    files = [
        save(figure, folder, f"{plain_name(title)}.png")
        for title, figure in figures.items()
        if figure is not None
    ]
    return {"files": files, "reason": ""}


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
        For missing or foreign files, other clips, classes or reference.
    """
    files = [counts_file(path) for path in (first, second)]
    statistics, videos = zip(*map(load_counts, files), strict=True)
    names = _names(files) if names is None else list(names)
    both = [k for k in KINDS if all(k in counts for counts in statistics)]
    # PSDS of boxes is over other thresholds than that of a median filter.
    kinds = [k for k in both if len({s[k].definition for s in statistics}) == 1]
    if not kinds:
        raise PredictionError(
            f"{files[0]} and {files[1]} have no figure in common: "
            f"{sorted(statistics[0])} and {sorted(statistics[1])}"
        )
    keep = None if clips == "all" else _clips_of(clips, videos, files)
    results = {}
    # A bar for kinds, because PSDS takes seconds and F1 next to nothing.
    for kind in tqdm(kinds, desc="comparing", disable=None, leave=False):
        pair = [counts[kind] for counts in statistics]
        if keep is not None:
            pair = [counts_of_clips(counts, keep) for counts in pair]
        n = n_resamples or usual_resamples(kind)
        try:
            results[kind] = compare(*pair, names, n, seed=seed)
        except ValueError as error:
            raise PredictionError(f"{kind}: {error}") from error
    alone = sorted(set().union(*statistics) - set(kinds))
    _report_comparison(results, names, files, clips, alone, out)
    return results


def _names(files):
    """Folders and systems, as short as they can be told apart."""
    systems = [file.stem.removeprefix("counts_") for file in files]
    folders = [file.resolve().parent.name for file in files]
    for names in (systems, folders):
        if names[0] != names[1]:
            return names
    return [str(file) for file in files]


def _clips_of(clips, videos, files):
    """The clips with, or without, video."""
    known = [video for video in videos if video is not None]
    if not known:
        raise PredictionError(
            f"--clips {clips}: neither {files[0]} nor {files[1]} knows which "
            "clips have video; evaluate with --video"
        )
    wanted = clips == "video"
    keep = {name for name, has in known[0].items() if has == wanted}
    if len(keep) < 2:
        raise PredictionError(
            f"--clips {clips}: {files[videos.index(known[0])]} has "
            f"{len(keep)} such clips, expected at least 2"
        )
    return keep


def _report_comparison(results, names, files, clips, alone, out):
    """The comparison on the screen, and all of it in a folder if given."""
    title = f"{names[1]} against {names[0]}"
    some = next(iter(results.values()))["figures"]
    labels = [name for name in some if name not in AVERAGES]
    classes = differences_table(results, labels)
    content = {
        "results": results,
        "averages": differences_table(results, AVERAGES),
        "names": names,
        "files": files,
        "clips": CLIPS[clips],
        "alone": alone,
        "pictures": [],
        "classes": None if out else classes,
    }
    print(markdown("comparison.txt", title, **content))
    if out is None:
        return
    out, content["classes"] = pathlib.Path(out), classes
    write_json(out / "comparison.json", results)
    if has_matplotlib():
        figure = draw_differences(results, names)
        content["pictures"] = [save(figure, out, "differences.png")]
    page = _write_texts("comparison", title, out, content)
    print(f"results: {page} (one page), comparison.md, comparison.json")
