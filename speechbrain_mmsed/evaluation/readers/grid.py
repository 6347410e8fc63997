"""The frames of score tables: from written times to one hop.

Score tables give onset and offset of every frame. The counts of this package
need frame k to cover [k hop, (k + 1) hop) in every clip, with any hop and
any number of frames. Whether written times are such a grid is found out
here; what is not is refused, never resampled.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)

# Times are often written with three decimals.
TIME_TOLERANCE = 1e-3
# A system may leave out the rest of a clip that fills no frame, and one
# frame more where it rounds the share of a padded clip down.
END_TOLERANCE_FRAMES = 2.0


@dataclass
class FrameGrid:
    """The common frames of a set of clips.

    Arguments
    ---------
    hop : float
        Seconds between the starts of two frames.
    n_frames : dict
        Clip -> number of frames.
    ends : dict
        Clip -> end of the last frame, in seconds.
    deviation : float
        Largest difference between a written time and the grid, in seconds.
    """

    hop: float
    n_frames: dict
    ends: dict
    deviation: float


def axis_problem(onset, offset):
    """What is wrong with one clip's times, whatever the hop.

    Arguments
    ---------
    onset : numpy.ndarray
        (T,) seconds.
    offset : numpy.ndarray
        (T,) seconds.

    Returns
    -------
    tuple of str or None
        The kind of problem and the detail.

    Example
    -------
    >>> axis_problem(np.array([0.0, 0.5]), np.array([0.5, 1.0]))
    >>> axis_problem(np.array([1.0, 1.5]), np.array([1.5, 2.0]))
    ('the first frame does not start at 0 s', 'it starts at 1 s')
    """
    if not len(onset):
        return "there are no frames", "the table has no rows"
    bad = ~(np.isfinite(onset) & np.isfinite(offset))
    if bad.any():
        row = int(bad.argmax())
        return "times are not finite", _frame(row, onset, offset)
    if abs(onset[0]) > TIME_TOLERANCE:
        return (
            "the first frame does not start at 0 s",
            f"it starts at {onset[0]:g} s",
        )
    bad = offset <= onset
    if bad.any():
        row = int(bad.argmax())
        return "frames do not end after they start", _frame(row, onset, offset)
    bad = onset[1:] <= onset[:-1]
    if bad.any():
        row = int(bad.argmax()) + 1
        return "times do not rise", _frame(row, onset, offset)
    bad = np.abs(onset[1:] - offset[:-1]) > TIME_TOLERANCE
    if bad.any():
        row = int(bad.argmax()) + 1
        return (
            "frames overlap or leave gaps",
            f"{_frame(row, onset, offset)}, the frame before ends at "
            f"{offset[row - 1]:g} s",
        )
    return None


def _frame(row, onset, offset):
    return f"line {row + 2}: {onset[row]:g} to {offset[row]:g} s"


def common_grid(axes, source):
    """The grid of all clips.

    Arguments
    ---------
    axes : dict
        Clip -> (onset, offset), (T,) seconds each, T may differ; each
        without an `axis_problem`.
    source : str
        The predictions, for messages.

    Returns
    -------
    FrameGrid

    Raises
    ------
    PredictionError
        Listing the clips whose frames are not regular or have another hop.

    Example
    -------
    >>> times = np.arange(157) * 0.064
    >>> axes = {"a": (times[:-1], times[1:]), "b": (times[:9], times[1:10])}
    >>> grid = common_grid(axes, "folder")
    >>> grid.hop, grid.n_frames["b"], round(grid.ends["a"], 3)
    (0.064, 9, 9.984)
    """
    longest = max(axes, key=lambda clip: len(axes[clip][0]))
    hop = _hop(*axes[longest])
    irregular, others, largest = {}, {}, 0.0
    for clip, (onset, offset) in axes.items():
        deviation = _deviation(onset, offset, hop)
        if deviation <= TIME_TOLERANCE:
            largest = max(largest, deviation)
            continue
        own = _hop(onset, offset)
        regular = _deviation(onset, offset, own) <= TIME_TOLERANCE
        (others if regular else irregular)[clip] = own
    if irregular:
        clip = min(irregular)
        raise PredictionError(
            f"{source}: the frames of {len(irregular)} clips are not of equal "
            f"length; {_first_irregular(clip, *axes[clip], irregular[clip])}. "
            "Only regular frames are evaluated (the last may be shorter): "
            "write the scores at a fixed hop, repeating those of longer "
            f"segments. Clips: {listed(irregular)}"
        )
    if others:
        clip = min(others)
        raise PredictionError(
            f"{source}: {len(others)} clips have frames of another length: "
            f"{clip} of {others[clip]:g} s, where {longest} has {hop:g} s. "
            f"Write all scores at one hop. Clips: {listed(others)}"
        )
    ends = {}
    for clip, (onset, offset) in axes.items():
        whole = len(onset) * hop
        # A last frame that the clip's end cuts keeps its written end.
        cut = offset[-1] < whole - TIME_TOLERANCE
        ends[clip] = float(offset[-1]) if cut else whole
    n_frames = {clip: len(onset) for clip, (onset, _) in axes.items()}
    return FrameGrid(hop, n_frames, ends, largest)


def _hop(onset, offset):
    """The shortest decimal number that fits the times as well as any."""
    n_frames = len(onset)
    if n_frames == 1:
        return float(offset[0] - onset[0])
    exact = float((onset[-1] - onset[0]) / (n_frames - 1))
    least = _deviation(onset, offset, exact)
    for digits in range(1, 9):
        hop = round(exact, digits)
        if hop > 0 and _deviation(onset, offset, hop) <= least + 1e-9:
            return hop
    return exact


def _deviation(onset, offset, hop):
    """Largest distance from a grid; the last frame may be shorter."""
    frames = np.arange(len(onset))
    apart = np.abs(onset - frames * hop).max()
    return float(max(apart, offset[-1] - len(onset) * hop))


def _first_irregular(clip, onset, offset, hop):
    """The frame that differs most, as text."""
    lengths = offset - onset
    row = int(np.abs(lengths - np.median(lengths)).argmax())
    return (
        f"{clip}, {_frame(row, onset, offset)}, where others last "
        f"{np.median(lengths):g} s"
    )


def check_ends(grid, durations, source, tolerance=None):
    """Refuse scores that end far from where their clips end.

    Arguments
    ---------
    grid : FrameGrid
        Frames of N clips.
    durations : dict
        Clip -> seconds.
    source : str
        The predictions, for messages.
    tolerance : float or None
        Seconds; two frames if None.

    Returns
    -------
    list of str
        Clips whose padding was scored as well: systems with an input of
        fixed length have the same number of frames for every clip.
    """
    if tolerance is None:
        tolerance = END_TOLERANCE_FRAMES * grid.hop
    fixed = len(set(grid.n_frames.values())) == 1
    longest = max(durations[clip] for clip in grid.ends)
    padded, off = [], {}
    for clip, end in grid.ends.items():
        apart = end - durations[clip]
        if fixed and apart > tolerance and end <= longest + tolerance:
            padded.append(clip)
        elif abs(apart) > tolerance + TIME_TOLERANCE:
            off[clip] = end
    if off:
        clip = min(off)
        raise PredictionError(
            f"{source}: the scores of {len(off)} clips do not end where the "
            f"clip does (tolerance {tolerance:g} s): {clip} ends at "
            f"{off[clip]:g} s and lasts {durations[clip]:g} s. Check the "
            "times (seconds?) and the durations, or allow more with "
            f"--end-tolerance. Clips: {listed(off)}"
        )
    return padded
