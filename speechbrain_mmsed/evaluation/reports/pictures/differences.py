"""Differences of two systems with their intervals.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.comparison_table import (
    AVERAGES,
    NAMES,
)
from speechbrain_mmsed.evaluation.reports.pictures.canvas import (
    has_matplotlib,
    new_figure,
    save,
    title_of,
)

BETTER, WORSE, OPEN = "#0072b2", "#d55e00", "#737373"
BY_CLASS = ("ebf1", "psds1")


def plot_differences(results, names, folder):
    """Draws averages, and below them the classes of two figures.

    Arguments
    ---------
    results : dict
        What `compare` returns for each kind of figure.
    names : sequence of str
        What the systems are called.
    folder : str or pathlib.Path
        Gets differences.png.

    Returns
    -------
    list of str
        Names of the files that were written; none without matplotlib.
    """
    if not has_matplotlib():
        return []
    panels = {
        "averages": [
            (f"{NAMES[kind]}{'' if name == 'value' else f' {name}'}", figure)
            for kind, result in results.items()
            for name, figure in result["figures"].items()
            if name in AVERAGES
        ]
    }
    for kind in BY_CLASS:
        if kind in results:
            panels[f"{NAMES[kind]} of each class"] = [
                (title_of(name), figure)
                for name, figure in results[kind]["figures"].items()
                if name not in AVERAGES
            ]
    heights = [len(rows) + 1.5 for rows in panels.values()]
    figure = new_figure(8.5, 0.3 * sum(heights) + 1.0)
    level = next(iter(results.values()))["level"]
    figure.suptitle(
        f"{names[1]} minus {names[0]}, in points of 100, with {level:.0%} "
        "intervals"
    )
    axes = figure.subplots(
        len(panels), 1, squeeze=False, height_ratios=heights, sharex=True
    )[:, 0]
    for ax, (title, rows) in zip(axes, panels.items(), strict=True):
        _draw(ax, rows)
        ax.set_title(title, loc="left", fontsize="medium")
    axes[-1].set_xlabel(f"worse than {names[0]}  |  better than {names[0]}")
    return [save(figure, folder, "differences.png")]


def _draw(ax, rows):
    """One line for each figure; grey where the interval has both signs."""
    for place, (_, figure) in enumerate(reversed(rows)):
        if figure["difference"] is None or figure["low"] is None:
            ax.text(0, place, "not defined", ha="center", va="center")
            continue
        low, at, high = (
            100 * figure[name] for name in ("low", "difference", "high")
        )
        colour = BETTER if low > 0 else WORSE if high < 0 else OPEN
        ax.plot([low, high], [place, place], color=colour, linewidth=2)
        ax.plot(at, place, "o", color=colour, markersize=6)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.grid(axis="x", alpha=0.3)
