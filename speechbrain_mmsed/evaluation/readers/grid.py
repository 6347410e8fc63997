"""The frames of score tables: from written times to one hop.

Frame k must cover [k hop, (k + 1) hop) in every clip, with any hop and any
number of frames. Times that are no such grid are refused, never resampled.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.problems import PredictionError, listed

# Times are often written with three decimals.
_TIME_TOLERANCE = 1e-3
# A system may leave out the rest of a clip that fills no frame, and one
# frame more where it rounds the share of a padded clip down.
_END_TOLERANCE_FRAMES = 2.0


class TableError(ValueError):
    """What is wrong with the table of one clip: the kind, and the detail."""


@dataclass
class FrameGrid:
    """Frames of clips, and how far written times are off; in seconds."""

    hop: float
    n_frames: dict
    ends: dict
    deviation: float


def check_axis(onset, offset):
    """Refuse times of one clip's frames that are wrong whatever the hop."""
    if not len(onset):
        raise TableError("there are no frames", "the table has no rows")
    bad = ~(np.isfinite(onset) & np.isfinite(offset))
    if bad.any():
        frame = _frame(bad.argmax(), onset, offset)
        raise TableError("times are not finite", frame)
    if abs(onset[0]) > _TIME_TOLERANCE:
        kind = "the first frame does not start at 0 s"
        raise TableError(kind, f"it starts at {onset[0]:g} s")
    before = np.append(onset[0], offset[:-1])
    gaps = "frames overlap or leave gaps"
    kinds = {
        "frames do not end after they start": offset <= onset,
        "times do not rise": np.diff(onset, prepend=-np.inf) <= 0,
        gaps: np.abs(onset - before) > _TIME_TOLERANCE,
    }
    for kind, bad in kinds.items():
        if bad.any():
            row = bad.argmax()
            detail = _frame(row, onset, offset)
            if kind == gaps:
                detail += f", the frame before ends at {before[row]:g} s"
            raise TableError(kind, detail)


def _frame(row, onset, offset):
    """A frame as the line of its table."""
    return f"line {row + 2}: {onset[row]:g} to {offset[row]:g} s"


def common_grid(axes, source):
    """The grid of all clips, from (onset, offset) of the frames of each."""
    longest = max(axes, key=lambda clip: len(axes[clip][0]))
    hop = _hop(*axes[longest])
    deviations = {clip: _deviation(*axis, hop) for clip, axis in axes.items()}
    others = {
        clip: _hop(*axes[clip])
        for clip, deviation in deviations.items()
        if deviation > _TIME_TOLERANCE
    }
    irregular = [
        clip
        for clip, other in others.items()
        if _deviation(*axes[clip], other) > _TIME_TOLERANCE
    ]
    if irregular:
        clip = min(irregular)
        lengths = np.subtract(*axes[clip][::-1])
        usual = np.median(lengths)
        odd = _frame(np.abs(lengths - usual).argmax(), *axes[clip])
        raise PredictionError(
            f"{source}: the frames of {len(irregular)} clips are not of equal "
            f"length; {clip}, {odd}, where others last {usual:g} s. Only "
            "regular frames are evaluated (the last may be shorter): write "
            "the scores at a fixed hop, repeating those of longer segments. "
            f"Clips: {listed(irregular)}"
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
        cut = offset[-1] < whole - _TIME_TOLERANCE
        ends[clip] = float(offset[-1]) if cut else whole
    n_frames = {clip: len(onset) for clip, (onset, _) in axes.items()}
    return FrameGrid(hop, n_frames, ends, max(deviations.values()))


def _hop(onset, offset):
    """The shortest decimal number that fits the times as well as any."""
    if len(onset) == 1:
        return float(offset[0] - onset[0])
    exact = float((onset[-1] - onset[0]) / (len(onset) - 1))
    least = _deviation(onset, offset, exact)
    for digits in range(1, 9):
        hop = round(exact, digits)
        if hop > 0 and _deviation(onset, offset, hop) <= least + 1e-9:
            return hop
    return exact


def _deviation(onset, offset, hop):
    """Largest distance from a grid; the last frame may be shorter."""
    apart = np.abs(onset - np.arange(len(onset)) * hop).max()
    return float(max(apart, offset[-1] - len(onset) * hop))


def check_ends(grid, durations, source, tolerance=None):
    """Refuse scores that end far (seconds, or two frames) from a clip's end.

    Returns the clips whose padding was scored too, by inputs of fixed length.
    """
    if tolerance is None:
        tolerance = _END_TOLERANCE_FRAMES * grid.hop
    fixed = len(set(grid.n_frames.values())) == 1
    longest = max(durations[clip] for clip in grid.ends)
    padded, off = [], {}
    for clip, end in grid.ends.items():
        apart = end - durations[clip]
        if fixed and apart > tolerance and end <= longest + tolerance:
            padded.append(clip)
        elif abs(apart) > tolerance + _TIME_TOLERANCE:
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
