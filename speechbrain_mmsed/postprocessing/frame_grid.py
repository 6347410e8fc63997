"""The frames of score tables: from written times to one hop.

Frame k covers [k hop, (k + 1) hop) in every clip, with any hop and any number
of frames. Where written frames differ in length, as those of systems that write
boxes do, each stands for several of a hop that divides all.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.problems import PredictionError, listed

# Times are often written with three decimals; rounding to the shortest hop
# moves them no further.
_TIME_TOLERANCE = 1e-3
_SHORTEST_HOP = 2e-3
_MOST_PARTS = 500
# A system may leave out the rest of a clip that fills no frame, and one
# frame more where it rounds the share of a padded clip down.
_END_TOLERANCE_FRAMES = 2.0


class TableError(ValueError):
    """What is wrong with the table of one clip: the kind, and the detail."""


@dataclass
class FrameGrid:
    """Frames of clips, and how far written times are off; in seconds.

    `step` is the shortest written frame; `repeats` says how many frames each
    written one of a clip stands for, and is empty where it is one.
    """

    hop: float
    n_frames: dict
    ends: dict
    deviation: float
    step: float
    repeats: dict


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


def common_grid(axes):
    """The grid of all clips, from (onset, offset) of the frames of each.

    Where no hop fits them, a finer one of which the frames take several.
    """
    longest = max(axes, key=lambda clip: len(axes[clip][0]))
    hop, repeats = _hop(*axes[longest]), {}
    step, deviation = hop, max(_deviation(*a, hop) for a in axes.values())
    if deviation > _TIME_TOLERANCE:
        hop, repeats, deviation = _finer_grid(axes)
        step = min(np.subtract(*axis[::-1]).min() for axis in axes.values())
    ends, n_frames = {}, {}
    for clip, (onset, offset) in axes.items():
        n_frames[clip] = int(np.sum(repeats.get(clip, len(onset))))
        whole = n_frames[clip] * hop
        # A last frame that the clip's end cuts keeps its written end.
        cut = offset[-1] < whole - _TIME_TOLERANCE
        ends[clip] = float(offset[-1]) if cut else whole
    return FrameGrid(hop, n_frames, ends, deviation, step, repeats)


def _finer_grid(axes):
    """The largest hop that divides all frames, how often, and deviation."""
    onset = np.concatenate([times for times, _ in axes.values()])
    offset = np.concatenate([times for _, times in axes.values()])
    last = np.cumsum([len(times) for times, _ in axes.values()]) - 1
    first = np.append(0, last[:-1] + 1)
    own = np.repeat(np.arange(len(last)), last - first + 1)
    lengths = offset - onset
    # The end of a clip may cut its last frame.
    inner = np.delete(lengths, last)
    shortest = min(inner if len(inner) else lengths)
    most = min(int(shortest / _SHORTEST_HOP), _MOST_PARTS)
    for hop in shortest / np.arange(1, most + 1):
        # Of times that are rounded the mean over all frames is the better hop.
        hop = inner.sum() / max(np.rint(inner / hop).sum(), 1) or hop
        ends = np.cumsum(np.rint(lengths / hop))
        ends -= np.append(0, ends[last])[own]
        deviation = np.abs(np.delete(ends * hop - offset, last)).max(initial=0)
        if deviation <= _TIME_TOLERANCE:
            cut = np.ceil((lengths[last] - _TIME_TOLERANCE) / hop)
            ends[last] += np.maximum(cut, 1) - np.rint(lengths[last] / hop)
            break
    else:
        hop, deviation = _SHORTEST_HOP, _SHORTEST_HOP / 2
        ends = np.rint(offset / hop)
    repeats = np.diff(ends, prepend=0)
    repeats[first] = ends[first]
    parts = np.split(repeats.astype(np.int64), last[:-1] + 1)
    return float(hop), dict(zip(axes, parts, strict=True)), float(deviation)


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
        tolerance = _END_TOLERANCE_FRAMES * grid.step
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
