"""Titles, numbers and tables of reports.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import re
from dataclasses import dataclass

from speechbrain_mmsed.pages import markdown_text
from speechbrain_mmsed.postprocessing.scores import GATED, weight_text

TITLES = {
    **{"cbf1": "CBF1 %", "sbf1": "SBF1 %", "ebf1": "EBF1 %"},
    **{"psds1": "PSDS1", "psds2": "PSDS2"},
}
# Without the unit, and the figures beside the five.
NAMES = {
    **{metric: title.removesuffix(" %") for metric, title in TITLES.items()},
    "ibf1": "intersection-based F1",
    "threshold_free_psds1": "PSDS1 over all thresholds",
    "threshold_free_psds2": "PSDS2 over all thresholds",
}
# Averages over classes: both of an F1, the one of PSDS.
AVERAGES = ("micro", "macro", "value")
# What each F1 counts.
F1_COLUMNS = {"cbf1": "clips", "sbf1": "segments", "ebf1": "events"}
SPLIT_TITLES = {
    "all": "all clips",
    "video_available": "available",
    "video_ignored": "available but ignored",
    "video_unavailable": "unavailable",
}


def split_title(split):
    """What a split is called beside the word video.

    Example
    -------
    >>> split_title("video_unavailable"), split_title("yamnet_ignored")
    ('unavailable', 'all clips, yamnet ignored')
    """
    name = split.removesuffix("_ignored")
    return SPLIT_TITLES.get(split, f"all clips, {name} ignored")


def fusion_title(weight):
    """Fusion weights in a few signs, also those of `score_file`'s names.

    Example
    -------
    >>> fusion_title(0.5), fusion_title("0.5000_0.3750_0.1250")
    ('0.5', '0.5 / 0.375 / 0.125')
    """
    if weight == GATED:
        return "from the data"
    text = weight if isinstance(weight, str) else weight_text(weight)
    return " / ".join(f"{float(part):g}" for part in text.split("_"))


def number(metric, value):
    """A fraction as the paper writes it, or a dash for None.

    F1 is in per cent; `metric` is a key of `NAMES`.

    Example
    -------
    >>> number("ebf1", 0.5123), number("psds1", 0.4083), number("sbf1", None)
    ('51.23', '0.4083', '-')
    """
    if value is None:
        return "-"
    return f"{value:.4f}" if "psds" in metric else f"{100 * value:.2f}"


@dataclass
class Table:
    """A table in a section; as text it is markdown that is legible as it is.

    The `n_texts` columns on the left hold words, the others numbers.

    Example
    -------
    >>> print(Table(["class", "F1"], [["Dog", "51.2"]]))
    | class |   F1 |
    |:------|-----:|
    | Dog   | 51.2 |
    """

    header: list
    rows: list
    n_texts: int = 1

    def __str__(self):
        rows = [self.header, *self.rows]
        cells = [list(map(markdown_text, row)) for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        texts, numbers = widths[: self.n_texts], widths[self.n_texts :]
        form = [f"{{:<{w}}}" for w in texts] + [f"{{:>{w}}}" for w in numbers]
        lines = ["| " + " | ".join(form).format(*row) + " |" for row in cells]
        rule = [":" + "-" * (w + 1) for w in texts]
        rule += ["-" * (w + 1) + ":" for w in numbers]
        lines.insert(1, f"|{'|'.join(rule)}|")
        return "\n".join(lines)


def rows(text, n_texts=1):
    """The Table of a template's lines, whose cells are parted by ||.

    The first line has the titles; a line that starts with || goes on with the
    row of the line before. `n_texts` as for Table.

    Example
    -------
    >>> print(rows("class || F1\\nDog\\n|| 51.2\\n"))
    | class |   F1 |
    |:------|-----:|
    | Dog   | 51.2 |
    """
    # Joined, because a page would take markup for escaped.
    header, *lines = re.split(r"\n(?!\|\|)", "".join(text).strip())
    header = header.split("||")
    # From the right: a name, which may be anything, stands on the left.
    table = [line.rsplit("||", len(header) - 1) for line in lines]
    header, *table = ([x.strip() for x in row] for row in [header, *table])
    return Table(header, table, n_texts)


def parameters_of(tuned, index):
    """Settings of a class, from ClassParameters or BoxParameters as a dict."""
    boxes = ("lengths", "absolute", "relative")
    names = "thresholds", *(boxes if "lengths" in tuned else ["windows"])
    every = [tuned[name] for name in names]
    text = " / ".join(f"{x[index]:.3g}" for x in every if x is not None)
    return text + ("" if tuned["tuned"][index] else " (default)")


def figure_name(kind, name):
    """What an average or a class of a figure is called, in one cell."""
    return f"{NAMES[kind]} {name}".removesuffix(" value")


def differences_table(results, names):
    """Differences of two systems, of the averages or classes named."""
    some = next(iter(results.values()))
    rows = [
        [figure_name(kind, name), *_difference(kind, result["figures"][name])]
        for kind, result in results.items()
        for name in names
        if name in result["figures"]
    ]
    header = ["figure", *some["names"], "difference"]
    return Table([*header, f"{some['level']:.0%} interval", "p"], rows)


def _difference(kind, figure):
    """The cells of a difference that may be undefined."""
    if figure["difference"] is None or figure["low"] is None:
        return ["-"] * 5
    scale, digits = (1, 4) if "psds" in kind else (100, 2)
    difference, low, high = (
        f"{scale * figure[name]:+.{digits}f}"
        for name in ("difference", "low", "high")
    )
    values = [number(kind, figure[name]) for name in ("first", "second")]
    return [*values, difference, f"{low} to {high}", f"{figure['p_value']:.4f}"]
