"""Pictures of a report: classes, and what video brings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

import numpy as np

from speechbrain_mmsed.evaluation.reports.report_tables import (
    SPLIT_TITLES,
    TITLES,
)
from speechbrain_mmsed.files import atomic_path

# "CBF1 %" in tables; the axes hold fractions.
NAMES = {metric: title.removesuffix(" %") for metric, title in TITLES.items()}
SPLITS = ("video_available", "video_ignored", "video_unavailable")


def plot_report(report, folder):
    """Draw the pictures of a report.

    Arguments
    ---------
    report : dict
        As `report_data` returns.
    folder : pathlib.Path
        Gets class_wise_f1.png, and availability.png where the report has
        figures by availability.

    Returns
    -------
    dict
        files (names in the folder) and reason (why there are none, or "").
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        reason = (
            "No pictures: matplotlib is not installed "
            '(pip install "speechbrain_mmsed[plot]").'
        )
        return {"files": [], "reason": reason}
    models = list(report["metrics"])
    pictures = {"class_wise_f1.png": (_draw_classes, 4.0)}
    # Of other systems it may not be known which clips have video.
    if all(set(SPLITS) <= set(report["metrics"][model]) for model in models):
        pictures["availability.png"] = (_draw_availability, 3.0)
    for name, (draw, height) in pictures.items():
        # Without pyplot there is no global state and no window system.
        figure = Figure(figsize=(9, height * len(models)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(models), 1, squeeze=False)[:, 0]
        for model, ax in zip(models, axes, strict=True):
            draw(ax, report, model)
        with atomic_path(pathlib.Path(folder) / name) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
    return {"files": list(pictures), "reason": ""}


def _draw_classes(ax, report, model):
    """F1 of every class over all clips; a cross where it is not defined."""
    values = report["class_wise"][model]["all"]
    labels = report["class_labels"]
    series = {
        NAMES[metric]: [values[metric][label] for label in labels]
        for metric in ("cbf1", "sbf1", "ebf1")
    }
    names = [label.replace("_", " ") for label in labels]
    _bars(ax, names, series, f"{model}: F1 of each class, all clips")
    ax.tick_params(axis="x", labelrotation=30)
    for text in ax.get_xticklabels():
        text.set_horizontalalignment("right")


def _draw_availability(ax, report, model):
    """The five metrics in each split."""
    series = {
        f"video {SPLIT_TITLES[split]} "
        f"(n={report['counts']['splits'][split]['clips']})": [
            report["metrics"][model][split][metric] for metric in TITLES
        ]
        for split in SPLITS
    }
    _bars(ax, list(NAMES.values()), series, f"{model}: availability of video")


def _bars(ax, names, series, title):
    """Groups of bars with values from 0 to 1."""
    width = 0.8 / len(series)
    places = np.arange(len(names))
    for index, (name, values) in enumerate(series.items()):
        at = places + (index - (len(series) - 1) / 2) * width
        heights = [0.0 if value is None else value for value in values]
        ax.bar(at, heights, width * 0.92, label=name)
        missing = [x for x, v in zip(at, values, strict=True) if v is None]
        ax.plot(missing, [0.02] * len(missing), "x", color="0.4")
    ax.set_xticks(places, names)
    # Room above 1 for the legend, which no bar then hides.
    ax.set_ylim(0, 1.18)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.grid(axis="y", alpha=0.3)
    ax.set_axisbelow(True)
    ax.set_title(title)
    ax.legend(fontsize="small", ncols=len(series), loc="upper right")
