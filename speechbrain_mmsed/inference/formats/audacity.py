"""A label track that Audacity imports (File, Import, Labels).

Lines of start, end and text, separated by tabs; times in seconds with six
decimals, as Audacity writes them itself.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.inference.formats.values import in_order, shown_name

SUFFIX = ".txt"


def render(detection, source=None, path=None):
    """The label track; an empty file where there are no events.

    Arguments
    ---------
    detection : Detection
        Its events.
    source, path : object
        Not needed.

    Returns
    -------
    str
    """
    return "".join(
        f"{onset:.6f}\t{offset:.6f}\t{shown_name(label)}\n"
        for onset, offset, label, _ in in_order(detection.events)
    )
