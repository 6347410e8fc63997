"""Figures without a window system, and colours that can be told apart.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.files import atomic_path

# Okabe and Ito's colours and further ones of other brightness; beyond ten
# classes line styles change.
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7b3294", "#8c510a", "#4d9221", "#737373"),
)
STYLES = ("-", "--", ":", "-.")


def has_matplotlib():
    """Whether pictures can be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True


def new_canvas(width, height, rows=1, columns=1, title=None, **layout):
    """A figure that belongs to nobody else, and its axes row by row.

    Width and height are in inches; `layout` goes to `Figure.subplots`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot there is no global state and no window system.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    if title is not None:
        figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False, **layout)
    return figure, axes.ravel()


def save(figure, folder, name):
    """Writes a picture as a whole, under a name that ends in .png."""
    with atomic_path(pathlib.Path(folder) / name) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return name


def line_of(index):
    """Colour and style of the line of a class, by its place among all.

    Example
    -------
    >>> line_of(0) == line_of(10), line_of(0)["color"] == line_of(10)["color"]
    (False, True)
    """
    style = STYLES[index // len(COLOURS) % len(STYLES)]
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": style}


def title_of(label):
    """A class label, such as "Alarm_bell_ringing", for human eyes."""
    return label.replace("_", " ")
