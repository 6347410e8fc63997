"""Pictures of an experiment: every metric by system, every seed a dot.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.charts import (
    has_matplotlib,
    new_canvas,
    save,
)
from speechbrain_mmsed.evaluation.reports.report_tables import TITLES
from sweep.tables import inputs_of

HEAD = "Evaluation set, all clips: mean and deviation; dots: seeds"
COLOURS = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3")


def plot_rows(rows, folder, found_notes, with_paper):
    """One picture, `<metric>.png`, for each metric over all clips.

    The published means (`with_paper`) stand on the same axis only if the
    corpus is the same.

    Returns
    -------
    list of str
        Names of the files; empty where matplotlib is not installed.
    """
    if not has_matplotlib():
        return []
    rows = [row for row in rows if row.split == "all"]
    bases = list(dict.fromkeys(row.system.base for row in rows))
    rows.sort(key=lambda row: bases.index(row.system.base))
    names = []
    for metric, title in TITLES.items():
        figure, (ax,) = new_canvas(10, 1.6 + 0.34 * len(rows))
        _draw(ax, rows, bases, metric, with_paper)
        ax.set_xlabel(title)
        ax.set_title(HEAD, fontsize="medium", loc="left")
        if found_notes:
            told = "Not the paper's experiment: " + ";\n".join(found_notes)
            place = {"x": 0.01, "horizontalalignment": "left"}
            figure.supxlabel(told, fontsize="x-small", **place)
        names.append(save(figure, folder, f"{metric}.png"))
    return names


def _draw(ax, rows, bases, metric, with_paper):
    """A line for each system."""
    scale = 1 if metric.startswith("psds") else 100
    for place, row in enumerate(rows):
        cell = row.cells[metric]
        colour = COLOURS[bases.index(row.system.base) % len(COLOURS)]
        style = {"fmt": "o", "color": colour, "capsize": 3, "zorder": 3}
        if cell.mean is not None:
            spread = scale * (cell.deviation or 0.0)
            ax.errorbar(scale * cell.mean, place, xerr=spread, **style)
            dots = [scale * value for value in cell.values]
            ax.plot(dots, [place] * len(dots), ".", color="0.6", zorder=2)
        if with_paper and cell.paper[0] is not None:
            label = "the paper's mean" if place == 0 else None
            style = {"markerfacecolor": "none", "markeredgecolor": "black"}
            mean = scale * cell.paper[0]
            ax.plot(mean, place, "D", label=label, zorder=4, **style)
    names = []
    for row in rows:
        weights = f", {row.training}" if row.system.streams else ""
        names.append(f"{row.system.base}: {inputs_of(row.system)}{weights}")
    ax.set_yticks(range(len(rows)), names)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="x", alpha=0.3)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize="small")
