"""F1 over threshold and window of every class (section 3.1.3).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import numpy as np

from speechbrain_mmsed.evaluation.reports.pictures.canvas import (
    line_of,
    new_figure,
    title_of,
)

COLUMNS = 5


def draw_grid(counts, parameters, frame_hop, title):
    """A map of F1 for each class, the chosen point marked.

    Arguments
    ---------
    counts : Counts
        Of H thresholds and W windows on validation.
    parameters : ClassParameters
        What was chosen.
    frame_hop : float
        Seconds between frames.
    title : str
        Which system and metric.

    Returns
    -------
    matplotlib.figure.Figure
    """
    labels, f1 = counts.labels, counts.f1()
    columns = min(COLUMNS, len(labels))
    rows = math.ceil(len(labels) / columns)
    figure = new_figure(2.4 * columns + 0.8, 2.4 * rows + 0.7)
    figure.suptitle(f"{title} over threshold and median window, validation")
    axes = figure.subplots(
        rows, columns, squeeze=False, sharex=True, sharey=True
    ).ravel()
    image = None
    for index, (ax, label) in enumerate(zip(axes, labels, strict=False)):
        ax.set_title(title_of(label), fontsize="medium")
        if counts.nref[index] == 0:
            ax.text(0.5, 0.5, "no events", ha="center", transform=ax.transAxes)
            continue
        image = ax.pcolormesh(
            counts.windows * frame_hop,
            counts.thresholds,
            f1[index],
            vmin=0,
            vmax=1,
            cmap="viridis",
            shading="nearest",
        )
        window = parameters.windows[index]
        threshold = parameters.thresholds[index]
        best = _at(counts, f1[index], threshold, window)
        ax.plot(
            window * frame_hop,
            threshold,
            "o",
            color="white",
            markeredgecolor="black",
            markersize=8,
        )
        # Below the name, as the axes' own labels are at the rim alone.
        ax.set_title(
            f"{title_of(label)}\n{100 * best:.1f} % at {threshold:g}, "
            f"{window} frames",
            fontsize="small",
        )
    for ax in axes[len(labels) :]:
        ax.set_visible(False)
    for ax in axes[: len(labels)]:
        ax.label_outer(remove_inner_ticks=False)
    figure.supxlabel("median window in seconds")
    figure.supylabel("threshold")
    if image is not None:
        figure.colorbar(image, ax=list(axes[: len(labels)]), label="F1")
    return figure


def draw_thresholds(counts, parameters, title):
    """F1 of clip labels over the threshold, one line per class.

    Arguments
    ---------
    counts : Counts
        Of H thresholds and one window on validation.
    parameters : ClassParameters
        What was chosen.
    title : str
        Which system and metric.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(8, 4.6)
    ax = figure.subplots()
    f1 = counts.f1()[:, :, 0]
    for index, label in enumerate(counts.labels):
        if counts.nref[index] == 0:
            continue
        line = line_of(index)
        ax.plot(
            counts.thresholds,
            f1[index],
            label=title_of(label),
            linewidth=1.6,
            **line,
        )
        threshold = parameters.thresholds[index]
        best = np.interp(threshold, counts.thresholds, f1[index])
        ax.plot(threshold, best, "o", color=line["color"], markersize=7)
    ax.set_ylim(0, 1.02)
    ax.set_xticks(counts.thresholds)
    ax.grid(alpha=0.3)
    ax.set_xlabel("threshold (chosen: dot)")
    ax.set_ylabel("F1")
    ax.set_title(f"{title} over threshold, validation")
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _at(counts, f1, threshold, window):
    """F1 of a class at a point of the grid."""
    row = np.argmin(np.abs(counts.thresholds - threshold))
    column = np.argmin(np.abs(counts.windows - window))
    return f1[row, column]
