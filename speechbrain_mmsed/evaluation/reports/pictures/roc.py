"""PSD-ROC of every class and of all (section 3.1.4).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics.psd_roc import scenario_of
from speechbrain_mmsed.evaluation.reports.pictures.canvas import (
    line_of,
    new_figure,
    title_of,
)


def draw_roc(figures, labels, title):
    """Both scenarios side by side.

    Arguments
    ---------
    figures : dict
        For "psds1" and "psds2" what `psds` returns, with "curves".
    labels : list of str
        All class labels, which decide on the colours.
    title : str
        Which system.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where neither scenario has curves.
    """
    shown = {name: f for name, f in figures.items() if "curves" in f}
    if not shown:
        return None
    figure = new_figure(6.6 * len(shown), 5.2)
    figure.suptitle(f"{title}: PSD-ROC, all clips")
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for ax, (name, result) in zip(axes, shown.items(), strict=True):
        most = scenario_of(name).max_rate
        # The best class first, so that the legend is in the lines' order.
        classes = sorted(
            result["curves"]["classes"].items(),
            key=lambda item: -result["class_wise"][item[0]],
        )
        for label, curve in classes:
            area = result["class_wise"][label]
            _stairs(
                ax,
                curve,
                most,
                label=f"{title_of(label)} {area:.2f}",
                linewidth=1.4,
                **line_of(labels.index(label)),
            )
        text = f"overall, {name.upper()} = {result['value']:.4f}"
        shares, rates = result["curves"]["overall"]
        _stairs(
            ax, (shares, rates), most, label=text, color="black", linewidth=3
        )
        ax.fill_between(
            np.append(rates, most),
            np.append(shares, shares[-1]),
            step="post",
            color="black",
            alpha=0.12,
            linewidth=0,
        )
        ax.set_xlim(0, most)
        ax.set_ylim(0, 1.02)
        ax.grid(alpha=0.3)
        ax.set_title(name.upper())
        ax.set_xlabel("effective false positives per hour")
        ax.set_ylabel("share of events found")
        # Below the axes: above them it hides curves of one system or other.
        ax.legend(
            fontsize="small",
            ncols=2,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.13),
        )
    return figure


def _stairs(ax, curve, most, **style):
    """A staircase up to the right end."""
    shares, rates = curve
    ax.step(
        np.append(rates, most),
        np.append(shares, shares[-1]),
        where="post",
        **style,
    )
