"""Pictures of one system: PSD-ROC, F1 over what was tuned, single clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.counts.counts import count_clips, count_grid
from speechbrain_mmsed.evaluation.counts.counts_by_clip import event_counts
from speechbrain_mmsed.evaluation.metrics.scored import THRESHOLDS, WINDOWS
from speechbrain_mmsed.evaluation.reports.charts import (
    draw_roc,
    line_of,
    new_canvas,
    title_of,
)
from speechbrain_mmsed.postprocessing.decode import decode

COLUMNS = 5
# Classes of a clip that are drawn.
MOST_ROWS = 20
MAP = {"vmin": 0, "vmax": 1, "cmap": "viridis", "shading": "nearest"}
CHOSEN = {"color": "white", "markeredgecolor": "black", "markersize": 8}
SCORE = "#d55e00"
# Colour and place in the row of a class.
BARS = {"truth": ("#404040", 0.06), "prediction": ("#0072b2", -0.34)}
LOG_MEL = {"cmap": "magma", "origin": "lower", "aspect": "auto"}


def draw_system(name, system, truth, spectrogram, classes=True):
    """The pictures of an EvaluatedSystem by their names; None without data.

    Without `classes` those of single clips alone.
    """
    figures = {}
    if classes:
        figures[f"psd_roc_{name}"] = draw_roc(system.splits["all"], name)
    if classes and system.validation is not None:
        figures |= _draw_grids(name, system, truth["validation"])
    events = system.events
    if system.scores is not None:
        tuned = system.parameters["ebf1"]
        events = decode(system.scores, tuned.thresholds, tuned.windows)
    if events is not None:
        figures[f"timelines_{name}"] = _draw_timelines(
            events, truth["evaluation"], name, system.scores, spectrogram
        )
    return figures


def _draw_grids(name, system, truth):
    """F1 at every point that was tried on validation, the chosen marked."""
    scores, tuned = system.validation, system.parameters
    grid = count_grid(scores, truth, THRESHOLDS, WINDOWS)
    figures = {
        f"f1_{kind}_{name}": _draw_maps(
            *(grid[kind], tuned[f"{kind[0]}bf1"], scores.frame_hop),
            title=f"{name}: {kind}-based F1",
        )
        for kind in ("event", "segment")
    }
    clips = count_clips(scores, truth, THRESHOLDS)
    title = f"{name}: clip-based F1"
    figures[f"f1_clip_{name}"] = _draw_thresholds(clips, tuned["cbf1"], title)
    return figures


def _draw_maps(counts, parameters, frame_hop, title):
    """A map of F1 over threshold and window for each class (section 3.1.3)."""
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
        ax.label_outer(remove_inner_ticks=False)
        if counts.n_reference[index] == 0:
            ax.set_title(title_of(label), fontsize="medium")
            ax.text(0.5, 0.5, "no events", ha="center", transform=ax.transAxes)
            continue
        seconds = counts.windows * frame_hop
        image = ax.pcolormesh(seconds, counts.thresholds, f1[index], **MAP)
        window = parameters.windows[index]
        threshold = parameters.thresholds[index]
        ax.plot(window * frame_hop, threshold, "o", **CHOSEN)
        # Below the name, as the axes' own labels are at the rim alone.
        ax.set_title(
            f"{title_of(label)}\n{100 * f1[index].max():.1f} % at "
            f"{threshold:g}, {window} frames",
            fontsize="small",
        )
    for ax in axes[len(labels) :]:
        ax.set_visible(False)
    figure.supxlabel("median window in seconds")
    figure.supylabel("threshold")
    if image is not None:
        figure.colorbar(image, ax=list(axes[: len(labels)]), label="F1")
    return figure


def _draw_thresholds(counts, parameters, title):
    """F1 of clip labels over the threshold, one line for each class."""
    figure, (ax,) = new_canvas(8, 4.6)
    f1 = counts.f1()[:, :, 0]
    for index in np.flatnonzero(counts.n_reference):
        line = line_of(index) | {"linewidth": 1.6}
        label = title_of(counts.labels[index])
        ax.plot(counts.thresholds, f1[index], label=label, **line)
        chosen = parameters.thresholds[index], f1[index].max()
        ax.plot(*chosen, "o", color=line["color"], markersize=7)
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


def _draw_timelines(events, truth, title, scores, spectrogram):
    """Clips in rows: log-mel, and below it truth, prediction and scores."""
    clips, heights = [], []
    for which, (name, f1) in _choose_clips(events, truth).items():
        of_clip = {
            "truth": truth.events[truth.events["filename"] == name],
            "prediction": events[events["filename"] == name],
        }
        # Those of the truth first, then as many as there is room for.
        found = pd.concat(of_clip.values())["event_label"].unique()
        labels = [la for la in truth.labels if la in set(found[:MOST_ROWS])]
        of_clip = {
            kind: table[table["event_label"].isin(labels)]
            for kind, table in of_clip.items()
        }
        picture = spectrogram(name) if spectrogram is not None else None
        heading = f"{which}: {name}, F1 {100 * f1:.0f} %"
        if len(found) > MOST_ROWS:
            heading += f" ({MOST_ROWS} of {len(found)} classes)"
        clips.append((heading, name, of_clip, labels, picture))
        heights += [0.05 if picture is None else 1.6]
        heights += [0.35 + 0.55 * len(labels)]
    if not clips:
        return None
    figure, axes = new_canvas(
        *(11, sum(heights) + 0.8 * len(clips) + 0.5, len(heights)),
        title=f"{title}: best, median and worst clip by event-based F1",
        height_ratios=heights,
    )
    rows = zip(axes[::2], axes[1::2], clips, strict=True)
    for above, below, (heading, name, of_clip, labels, picture) in rows:
        above.set_title(heading, loc="left")
        _draw_spectrogram(above, picture, truth.durations[name])
        _draw_events(below, of_clip, labels)
        if scores is not None:
            _draw_scores(below, labels, scores, scores.filenames.index(name))
        below.set_xlim(0, truth.durations[name])
    axes[-1].set_xlabel("seconds")
    handles = axes[1].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3)
    return figure


def _choose_clips(events, truth):
    """The best, a middling and the worst clip by event-based F1.

    Of equal ones that with the most events, right or wrong, shows the most.
    """
    counts = event_counts(events, truth)
    tp, nsys = counts.tp.sum(axis=1), counts.nsys.sum(axis=1)
    nref = counts.n_reference.sum(axis=1)
    f1 = 2 * tp / np.maximum(nsys + nref, 1)
    names = counts.filenames

    def order(n):
        return -f1[n], -nref[n] if f1[n] else nsys[n] + nref[n], names[n]

    ordered = sorted(np.flatnonzero(nref), key=order)
    places = {"best": 0, "median": len(ordered) // 2, "worst": -1}
    chosen = {}
    for title, place in places.items() if ordered else ():
        clip = names[ordered[place]], float(f1[ordered[place]])
        if clip not in chosen.values():
            chosen[title] = clip
    return chosen


def _draw_spectrogram(ax, found, clip_seconds):
    """The log-mel, low frequencies below."""
    if found is None:
        ax.set_axis_off()
        return
    picture, seconds = found
    low, high = np.percentile(picture, [2, 99.8])
    extent = (0, seconds, 0, picture.shape[1])
    limits = {"vmin": low, "vmax": max(high, low + 1e-6)}
    ax.imshow(np.asarray(picture).T, extent=extent, **limits, **LOG_MEL)
    ax.set(xlim=(0, clip_seconds), xticks=[], yticks=[])
    ax.set_ylabel("log-mel", fontsize="small")


def _draw_events(ax, of_clip, labels):
    """One row of bars per class: truth above, prediction below."""
    for kind, (colour, shift) in BARS.items():
        for event in of_clip[kind].itertuples():
            row = len(labels) - 1 - labels.index(event.event_label)
            span = event.onset, event.offset - event.onset
            ax.broken_barh([span], (row + shift, 0.28), color=colour)
        # A bar of no length, so that the legend has both.
        ax.broken_barh([(0, 0)], (0, 0), color=colour, label=kind)
    ax.set_yticks(range(len(labels)), [title_of(x) for x in reversed(labels)])
    ax.set_ylim(-0.5, len(labels) - 0.5)
    ax.grid(axis="x", alpha=0.3)


def _draw_scores(ax, labels, scores, clip):
    """The scores of a clip over its bars, 0 to 1 in each class's row."""
    edges = np.arange(scores.frame.shape[1]) * scores.frame_hop
    ax.plot([], [], color=SCORE, label="score, 0 to 1")
    for row, label in enumerate(reversed(labels)):
        curve = scores.frame[clip, :, scores.labels.index(label)]
        values = row - 0.4 + 0.8 * curve
        ax.step(edges, values, where="post", color=SCORE, linewidth=1.2)
