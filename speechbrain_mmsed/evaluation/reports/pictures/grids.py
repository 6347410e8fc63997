"""F1 over threshold and window of every class (section 3.1.3).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import numpy as np

from speechbrain_mmsed.evaluation.counts.counts import count_clips, count_grid
from speechbrain_mmsed.evaluation.metrics.scored import THRESHOLDS, WINDOWS
from speechbrain_mmsed.evaluation.reports.pictures.charts import (
    line_of,
    new_canvas,
    title_of,
)

COLUMNS = 5
MAP = {"vmin": 0, "vmax": 1, "cmap": "viridis", "shading": "nearest"}
CHOSEN = {"color": "white", "markeredgecolor": "black", "markersize": 8}


def draw_grids(scores, truth, parameters, name):
    """F1 at every point that was tried on validation, the chosen marked.

    Returns the figures of event-, segment- and clip-based F1 by kind.
    """
    counts = count_grid(scores, truth, THRESHOLDS, WINDOWS)
    figures = {
        kind: _draw_maps(
            counts[kind],
            parameters[f"{kind[0]}bf1"],
            scores.frame_hop,
            f"{name}: {kind}-based F1",
        )
        for kind in ("event", "segment")
    }
    counts = count_clips(scores, truth, THRESHOLDS)
    figures["clip"] = _draw_thresholds(
        counts, parameters["cbf1"], f"{name}: clip-based F1"
    )
    return figures


def _draw_maps(counts, parameters, frame_hop, title):
    """A map of F1 over threshold and window for each class."""
    labels, f1 = counts.labels, counts.f1()
    columns = min(COLUMNS, len(labels))
    rows = math.ceil(len(labels) / columns)
    figure, axes = new_canvas(
        *(2.4 * columns + 0.8, 2.4 * rows + 0.7, rows, columns),
        title=f"{title} over threshold and median window, validation",
        sharex=True,
        sharey=True,
    )
    image = None
    for index, (ax, label) in enumerate(zip(axes, labels, strict=False)):
        if counts.nref[index] == 0:
            ax.set_title(title_of(label), fontsize="medium")
            ax.text(0.5, 0.5, "no events", ha="center", transform=ax.transAxes)
            continue
        seconds = counts.windows * frame_hop
        image = ax.pcolormesh(seconds, counts.thresholds, f1[index], **MAP)
        window = parameters.windows[index]
        threshold = parameters.thresholds[index]
        row = np.argmin(np.abs(counts.thresholds - threshold))
        column = np.argmin(np.abs(counts.windows - window))
        ax.plot(window * frame_hop, threshold, "o", **CHOSEN)
        # Below the name, as the axes' own labels are at the rim alone.
        ax.set_title(
            f"{title_of(label)}\n{100 * f1[index][row, column]:.1f} % at "
            f"{threshold:g}, {window} frames",
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


def _draw_thresholds(counts, parameters, title):
    """F1 of clip labels over the threshold, one line for each class."""
    figure, (ax,) = new_canvas(8, 4.6)
    f1 = counts.f1()[:, :, 0]
    for index, label in enumerate(counts.labels):
        if counts.nref[index] == 0:
            continue
        line = line_of(index) | {"label": title_of(label), "linewidth": 1.6}
        ax.plot(counts.thresholds, f1[index], **line)
        threshold = parameters.thresholds[index]
        best = np.interp(threshold, counts.thresholds, f1[index])
        ax.plot(threshold, best, "o", color=line["color"], markersize=7)
    ax.set(
        title=f"{title} over threshold, validation",
        xlabel="threshold (chosen: dot)",
        ylabel="F1",
        ylim=(0, 1.02),
        xticks=counts.thresholds,
    )
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
