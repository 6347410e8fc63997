"""Reports on disk, of one evaluation and of two that are compared.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from tqdm import tqdm

from speechbrain_mmsed.evaluation.counts.psds_counting import MOST_SCORES
from speechbrain_mmsed.evaluation.reports.charts import (
    MOST_CLASSES,
    draw_availability,
    draw_classes,
    draw_differences,
    has_matplotlib,
    save,
)
from speechbrain_mmsed.evaluation.reports.documents import (
    markdown,
    screen_report,
    write_page,
)
from speechbrain_mmsed.evaluation.reports.report_data import further_figures
from speechbrain_mmsed.evaluation.reports.report_tables import (
    AVERAGES,
    differences_table,
)
from speechbrain_mmsed.evaluation.reports.system_pictures import draw_system
from speechbrain_mmsed.evaluation.statistics.bootstrap import compare
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    KINDS,
    THRESHOLD_FREE,
    clip_statistics,
    event_statistics,
    usual_resamples,
)
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    IGNORED,
    counts_file,
    counts_of_clips,
    counts_path,
    load_counts,
    save_counts,
)
from speechbrain_mmsed.files import write_json, write_text
from speechbrain_mmsed.folders import flush, plain_name
from speechbrain_mmsed.postprocessing.box_parameters import has_boxes
from speechbrain_mmsed.problems import PredictionError

NO_MATPLOTLIB = (
    "No pictures: matplotlib is not installed "
    '(pip install "speechbrain_mmsed[plot]").'
)
LEFT_OUT = (
    f"There are more than {MOST_SCORES:,} scores (clips times frames times "
    "classes): PSDS is by counts of this package, which equal psds_eval's, and "
    "PSDS over all thresholds is left out."
)
CLIPS = {
    "all": "all clips",
    "video": "clips with video",
    "no-video": "clips without video",
}


def write_report(
    report, folder, systems, truth, spectrogram, intervals=True, pictures=True
):
    """Writes report.json, .md, .html, pictures, counts_<system>.npz.

    Of a report of `report_data`, which gets "further" and "pictures", and
    EvaluatedSystem by name. Prints the figures and where the files are.
    """
    folder, report["further"] = pathlib.Path(folder), {}
    for name, system in tqdm(systems.items(), "counting", disable=None):
        counts = _count(name, system, truth["evaluation"])
        for key, statistics in counts.items():
            save_counts(counts_path(folder, key), statistics, system.has_video)
        if name in counts:
            # One clip has no interval.
            several = len(truth["evaluation"].durations) > 1
            found = further_figures(counts[name], intervals and several)
            many = system.scores and system.scores.frame.size > MOST_SCORES
            found["left_out"] = LEFT_OUT if many else ""
            report["further"][name] = found
    if any(found["left_out"] for found in report["further"].values()):
        print(LEFT_OUT)
    report["pictures"] = {"files": [], "reason": "No pictures were asked for."}
    if pictures:
        report["pictures"] = plot_report(
            report, folder, systems, truth, spectrogram
        )
    # NaN is no JSON, and no figure of this report may be NaN.
    write_json(folder / "report.json", report)
    page = _write_texts("report", "Report", folder, {"report": report})
    print(screen_report(report))
    print(
        f"results: {page} (one page with pictures), report.md and report.json "
        "beside it"
    )


def _count(name, system, truth):
    """Counts by clip, by name, also with the video ignored."""
    counts, parameters = {}, system.parameters
    if system.scores is not None:
        kinds = (*KINDS, *THRESHOLD_FREE)
        counts[name] = clip_statistics(system.scores, truth, parameters, kinds)
    elif system.events is not None:
        counts[name] = event_statistics(system.events, truth)
    if system.ignored is not None:
        ignored = clip_statistics(system.ignored, truth, parameters)
        counts[f"{name}{IGNORED}"] = ignored
    return counts


def _write_texts(name, title, folder, content):
    """Markdown and page of a template of this name; returns the page."""
    text = markdown(f"{name}.txt", title, **content)
    write_text(folder / f"{name}.md", text)
    html = folder / f"{name}.html"
    page = write_page(f"{name}.txt", title, html, **content)
    for ending in ("json", "md", "html"):
        flush(folder / f"{name}.{ending}")
    flush(folder, inside=False)
    return page


def plot_report(report, folder, systems=None, truth=None, spectrogram=None):
    """Draws what there is data for: names of files, or why there are none."""
    if not has_matplotlib():
        return {"files": [], "reason": NO_MATPLOTLIB}
    n_classes, reason = len(report["class_labels"]), ""
    if n_classes > MOST_CLASSES:
        reason = (
            f"Pictures of single classes are left out: there are {n_classes}, "
            f"at most {MOST_CLASSES} are drawn."
        )
        print(reason)
    figures = {
        "class_wise_f1": None if reason else draw_classes(report),
        "availability": draw_availability(report),
    }
    for name, system in (systems or {}).items():
        # There are none of boxes.
        if has_boxes(system.parameters.get("ebf1")):
            continue
        figures |= draw_system(name, system, truth, spectrogram, not reason)
    files = [
        save(figure, folder, f"{plain_name(title)}.png")
        for title, figure in figures.items()
        if figure is not None
    ]
    return {"files": files, "reason": reason}


def compare_reports(
    first,
    second,
    names=None,
    out=None,
    clips="all",
    n_resamples=None,
    seed=0,
    postprocessing=None,
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
    postprocessing : str or None
        Of the systems taken from folders: "median" or "boxes"; None: either.

    Returns
    -------
    dict
        What `compare` returns for each kind of figure that both have.

    Raises
    ------
    PredictionError
        For missing or foreign files, other clips, classes or reference.
    """
    files = [counts_file(path, postprocessing) for path in (first, second)]
    statistics, videos = zip(*map(load_counts, files), strict=True)
    names = _names(files) if names is None else list(names)
    kinds, left_out = [], {}
    for kind in [k for k in KINDS if any(k in s for s in statistics)]:
        # PSDS of boxes is over other thresholds than that of a median filter.
        said = [kind in s and s[kind].definition for s in statistics]
        if all(said) and said[0] == said[1]:
            kinds.append(kind)
        else:
            left_out[kind] = [text or "no such figure" for text in said]
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
    _report_comparison(results, names, files, clips, left_out, out)
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


def _report_comparison(results, names, files, clips, left_out, out):
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
        "left_out": left_out,
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
