"""A picture of a detection: scores of every class, events on top.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.files import atomic_path
from speechbrain_mmsed.inference.formats.values import (
    in_order,
    pool_frames,
    shown_classes,
    shown_name,
)

# More columns than this no screen shows.
MAX_COLUMNS = 4000
# Suffixes of the kinds of picture that are written.
PICTURES = (".png", ".pdf", ".svg")
EVENT_COLOUR = "#d9480f"


def draw(detection, figure=None):
    """The picture as a matplotlib figure.

    Arguments
    ---------
    detection : Detection
        Events and scores.
    figure : matplotlib.figure.Figure or None
        Where to draw, for instance one of pyplot; None: a new one.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each class (of many, `shown_classes`); darker is more
        probable, bars are events.

    Raises
    ------
    ImportError
        If matplotlib is not installed; says how to.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "a picture needs matplotlib: pip install 'speechbrain_mmsed[plot]'"
        ) from error
    scores = detection.scores
    labels, note = shown_classes(detection)
    columns = [list(scores.labels).index(label) for label in labels]
    frames, pooled = pool_frames(scores.frame[:, columns], MAX_COLUMNS)
    figure = Figure() if figure is None else figure
    figure.set_size_inches(11, 1.4 + 0.34 * len(labels))
    figure.set_layout_engine("tight")
    axes = figure.subplots()
    # The last frame may reach past the end of the recording.
    reach = len(frames) * pooled * scores.frame_hop
    image = axes.imshow(
        frames.T,
        aspect="auto",
        interpolation="nearest",
        cmap="Blues",
        vmin=0,
        vmax=1,
        extent=(0, max(reach, 1e-6), len(labels) - 0.5, -0.5),
    )
    for onset, offset, label, _ in in_order(detection.events):
        row = labels.index(label)
        axes.broken_barh(
            [(onset, offset - onset)], (row + 0.2, 0.22), color=EVENT_COLOUR
        )
    axes.set_xlim(0, float(scores.duration))
    axes.set_yticks(range(len(labels)), [_plain(label) for label in labels])
    for row in range(1, len(labels)):
        axes.axhline(row - 0.5, color="white", linewidth=1.5)
    axes.set_xlabel("seconds")
    title = "\n".join(filter(None, [_plain(scores.filename), note]))
    axes.set_title(title, loc="left", fontsize=11)
    figure.colorbar(image, ax=axes, pad=0.01, label="score")
    return figure


def write_picture(detection, path):
    """Writes the picture as the suffix says, one of PICTURES."""
    figure = draw(detection)
    with atomic_path(path) as name:
        figure.savefig(name, dpi=110)


def _plain(text):
    """Text in which a dollar sign does not start a formula."""
    return shown_name(text).replace("$", r"\$")
