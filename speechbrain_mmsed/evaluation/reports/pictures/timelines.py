"""Truth and prediction of single clips, under their log-mel.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.counts.counts_by_clip import event_counts
from speechbrain_mmsed.evaluation.reports.pictures.charts import (
    new_canvas,
    title_of,
)

TRUTH, PREDICTION, SCORE = "#404040", "#0072b2", "#d55e00"
LOG_MEL = {"cmap": "magma", "origin": "lower", "aspect": "auto"}


def draw_timelines(events, truth, title, scores=None, spectrogram=None):
    """Clips in rows: log-mel, and below it truth, prediction and scores.

    `spectrogram` gives for a file name log-mel (frames, bins) and its length
    in seconds, or None. Without a clip that has events there is no figure.
    """
    clips = []
    for which, (name, f1) in _choose_clips(events, truth).items():
        of_clip = {
            "truth": truth.events[truth.events["filename"] == name],
            "prediction": events[events["filename"] == name],
        }
        found = set().union(*(t["event_label"] for t in of_clip.values()))
        labels = [label for label in truth.labels if label in found]
        picture = spectrogram(name) if spectrogram is not None else None
        clips.append((which, name, f1, of_clip, labels, picture))
    if not clips:
        return None
    heights = []
    for *_, labels, picture in clips:
        heights += [1.6 if picture is not None else 0.05]
        heights += [0.35 + 0.55 * max(len(labels), 1)]
    figure, axes = new_canvas(
        *(11, sum(heights) + 0.8 * len(clips) + 0.5, len(heights)),
        title=f"{title}: best, median and worst clip by event-based F1",
        height_ratios=heights,
    )
    for index, (which, name, f1, of_clip, labels, picture) in enumerate(clips):
        above, below = axes[2 * index : 2 * index + 2]
        seconds = float(truth.durations[name])
        above.set_title(f"{which}: {name}, F1 {100 * f1:.0f} %", loc="left")
        _draw_spectrogram(above, picture, seconds)
        _draw_events(below, of_clip, labels)
        if scores is not None:
            _draw_scores(below, labels, scores, scores.filenames.index(name))
        below.set_xlim(0, seconds)
    axes[-1].set_xlabel("seconds")
    handles = axes[1].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3)
    return figure


def _choose_clips(events, truth):
    """The best, a middling and the worst clip by event-based F1.

    Of equal ones the best is the one with most events, the worst the one
    with most that are missed or invented: there is more to see in them.
    Fewer than three where there are fewer clips with events.
    """
    counts = event_counts(events, truth)
    tp, nsys, nref = (
        a.sum(axis=1) for a in (counts.tp, counts.nsys, counts.n_reference)
    )
    f1 = 2 * tp / np.maximum(nsys + nref, 1)
    names = counts.filenames

    def order(n):
        return -f1[n], -nref[n] if f1[n] else nsys[n] + nref[n], names[n]

    ordered = sorted(np.flatnonzero(nref), key=order)
    if not ordered:
        return {}
    places = {"best": 0, "median": len(ordered) // 2, "worst": -1}
    chosen = {}
    for title, place in places.items():
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
    """One line of bars per class: truth above, prediction below."""
    for kind, colour, shift in (
        ("truth", TRUTH, 0.06),
        ("prediction", PREDICTION, -0.34),
    ):
        table = of_clip[kind]
        spans = table.assign(length=table["offset"] - table["onset"])
        for place, label in enumerate(reversed(labels)):
            mine = spans[spans["event_label"] == label]
            bars = mine[["onset", "length"]].to_numpy().tolist()
            ax.broken_barh(bars, (place + shift, 0.28), color=colour)
        # A bar of no length, so that the legend has both.
        ax.broken_barh([(0, 0)], (0, 0), color=colour, label=kind)
    ax.set_yticks(range(len(labels)), [title_of(x) for x in reversed(labels)])
    ax.set_ylim(-0.5, max(len(labels), 1) - 0.5)
    ax.grid(axis="x", alpha=0.3)


def _draw_scores(ax, labels, scores, row):
    """The scores of a clip over its bars, 0 to 1 in each class's line."""
    edges = np.arange(scores.frame.shape[1]) * scores.frame_hop
    ax.plot([], [], color=SCORE, label="score, 0 to 1")
    for place, label in enumerate(reversed(labels)):
        curve = scores.frame[row, :, scores.labels.index(label)]
        values = place - 0.4 + 0.8 * curve
        ax.step(edges, values, where="post", color=SCORE, linewidth=1.2)
