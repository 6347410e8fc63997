"""Charts of figures: bars, differences with intervals, PSD-ROC curves.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import importlib
import pathlib

import numpy as np

from speechbrain_mmsed.evaluation.metrics.psd_roc import scenario_of
from speechbrain_mmsed.evaluation.reports.report_tables import (
    AVERAGES,
    F1_COLUMNS,
    NAMES,
    SPLIT_TITLES,
    TITLES,
    figure_name,
)
from speechbrain_mmsed.files import atomic_path

# Okabe and Ito's colours and further ones of other brightness; beyond ten
# classes line styles change.
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7b3294", "#8c510a", "#4d9221", "#737373"),
)
STYLES = ("-", "--", ":", "-.")
# More classes than this are no longer told apart.
MOST_CLASSES = 40
SPLITS = ("video_available", "video_ignored", "video_unavailable")
BETTER, WORSE, OPEN = "#0072b2", "#d55e00", "#737373"


def has_matplotlib():
    """Whether pictures can be drawn."""
    with contextlib.suppress(ImportError):
        return importlib.import_module("matplotlib.figure") is not None
    return False


def new_canvas(width, height, rows=1, columns=1, title=None, **layout):
    """A figure, in inches, and its axes; `layout` goes to `subplots`."""
    from matplotlib.figure import Figure

    # Without pyplot there is no global state and no window system.
    figure = Figure(figsize=(width, height), layout="constrained")
    if title is not None:
        figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False, **layout)
    return figure, axes.ravel()


def save(figure, folder, name):
    """Writes a picture as a whole, under a name that ends in .png."""
    # A name may hold $, which is no formula.
    for text in figure.findobj(lambda x: hasattr(x, "set_parse_math")):
        text.set_parse_math(False)
    with atomic_path(pathlib.Path(folder) / name) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return name


def line_of(index):
    """Colour and style of the line of a class, by its place among all."""
    style = STYLES[index // len(COLOURS) % len(STYLES)]
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": style}


def title_of(label):
    """A class label, such as "Alarm_bell_ringing", for human eyes."""
    return label.replace("_", " ")


def draw_classes(report):
    """F1 of every class over all clips; a cross where it is not defined."""
    labels = report["class_labels"]
    panels = {
        f"{model}: F1 of each class, all clips": {
            NAMES[metric]: [splits["all"][metric][label] for label in labels]
            for metric in F1_COLUMNS
        }
        for model, splits in report["class_wise"].items()
    }
    figure = _draw_bars([title_of(label) for label in labels], panels, 4.0)
    for ax in figure.axes:
        for text in ax.get_xticklabels():
            text.set(rotation=30, horizontalalignment="right")
    return figure


def draw_availability(report):
    """The five metrics in each split; None where splits are not known."""
    counts = report["counts"]["splits"]
    if not set(SPLITS) <= set(counts):
        return None
    panels = {
        f"{model}: availability of video": {
            f"video {SPLIT_TITLES[split]} (n={counts[split]['clips']})": [
                metrics[split][metric] for metric in TITLES
            ]
            for split in SPLITS
        }
        for model, metrics in report["metrics"].items()
    }
    return _draw_bars([NAMES[metric] for metric in TITLES], panels, 3.0)


def _draw_bars(names, panels, height):
    """Groups of bars from 0 to 1: title -> series -> a value for each name."""
    figure, axes = new_canvas(9, height * len(panels), len(panels))
    places = np.arange(len(names))
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        width = 0.8 / len(series)
        for index, (name, values) in enumerate(series.items()):
            at = places + (index - (len(series) - 1) / 2) * width
            heights = np.array(values, dtype=float)
            ax.bar(at, np.nan_to_num(heights), width * 0.92, label=name)
            missing = at[np.isnan(heights)]
            ax.plot(missing, np.full(len(missing), 0.02), "x", color="0.4")
        ax.set_xticks(places, names)
        # Room above 1 for the legend, which no bar then hides.
        ax.set(ylim=(0, 1.18), yticks=np.linspace(0, 1, 6), axisbelow=True)
        ax.grid(axis="y", alpha=0.3)
        ax.legend(fontsize="small", ncols=len(series), loc="upper right")
        ax.set_title(title)
    return figure


def draw_differences(results, names):
    """Differences (see `compare`) of averages, and of two figures' classes."""
    panels = {"averages": []}
    few = max(r["n_classes"] for r in results.values()) <= MOST_CLASSES
    for kind, result in results.items():
        for name, figure in result["figures"].items():
            if name in AVERAGES:
                row = figure_name(kind, name), figure
                panels["averages"].append(row)
            elif kind in ("ebf1", "psds1") and few:
                rows = panels.setdefault(f"{NAMES[kind]} of each class", [])
                rows.append((title_of(name), figure))
    heights = [len(rows) + 1.5 for rows in panels.values()]
    level = next(iter(results.values()))["level"]
    figure, axes = new_canvas(
        *(8.5, 0.3 * sum(heights) + 1.0, len(panels)),
        title=f"{names[1]} minus {names[0]}, in points of 100, with "
        f"{level:.0%} intervals",
        height_ratios=heights,
        sharex=True,
    )
    for ax, (title, rows) in zip(axes, panels.items(), strict=True):
        _differences(ax, rows[::-1])
        ax.set_title(title, loc="left", fontsize="medium")
    axes[-1].set_xlabel(f"worse than {names[0]}  |  better than {names[0]}")
    return figure


def _differences(ax, rows):
    """One line for each figure; grey where the interval has both signs."""
    for place, (_, figure) in enumerate(rows):
        if figure["difference"] is None or figure["low"] is None:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
            style = {"ha": "center", "va": "center", "bbox": box}
            ax.text(0, place, "not defined", **style)
            continue
        names = "low", "difference", "high"
        low, at, high = (100 * figure[name] for name in names)
        colour = BETTER if low > 0 else WORSE if high < 0 else OPEN
        ax.plot([low, high], [place, place], color=colour, linewidth=2)
        ax.plot(at, place, "o", color=colour, markersize=6)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.grid(axis="x", alpha=0.3)


def draw_roc(result, title):
    """PSD-ROC (section 3.1.4) of a Measured; None without curves."""
    shown = {name: f for name, f in result.figures().items() if "curves" in f}
    if not shown:
        return None
    labels = result.truth.labels
    figure, axes = new_canvas(
        *(6.6 * len(shown), 5.2, 1, len(shown)),
        title=f"{title}: PSD-ROC, all clips",
    )
    for ax, (name, psds) in zip(axes, shown.items(), strict=True):
        most = scenario_of(name).max_rate
        areas, classes = psds["class_wise"], psds["curves"]["classes"]
        # The best class first, so that the legend is in the lines' order.
        for label in sorted(classes, key=lambda x: -areas[x]):
            stairs = _stairs(classes[label], most)
            line = line_of(labels.index(label)) | {"linewidth": 1.4}
            text = f"{title_of(label)} {areas[label]:.2f}"
            ax.step(*stairs, where="post", label=text, **line)
        stairs = _stairs(psds["curves"]["overall"], most)
        text = f"overall, {NAMES[name]} = {psds['value']:.4f}"
        ax.step(*stairs, where="post", label=text, color="black", linewidth=3)
        area = {"color": "black", "alpha": 0.12, "linewidth": 0}
        ax.fill_between(*stairs, step="post", **area)
        ax.set(
            title=NAMES[name],
            xlim=(0, most),
            ylim=(0, 1.02),
            xlabel="effective false positives per hour",
            ylabel="share of events found",
        )
        ax.grid(alpha=0.3)
        # Below the axes: above them it hides curves of one system or other.
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.13)}
        ax.legend(fontsize="small", ncols=2, **place)
    return figure


def _stairs(curve, most):
    """Rates and shares of a staircase up to the right end."""
    shares, rates = curve
    return np.append(rates, most), np.append(shares, shares[-1])
