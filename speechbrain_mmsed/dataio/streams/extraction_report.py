"""What became of the clips of an extraction, counted and as a table.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import dataclasses


@dataclasses.dataclass
class StreamReport:
    """What became of the clips of one stream.

    Arguments
    ---------
    folder : str
        Where the stream lies.
    available : int
        Clips with features.
    partially_covered : int
        Those of them whose film does not show the whole clip.
    unavailable : dict
        Kind of reason -> number of clips without features.
    done_before : int
        Clips that an earlier call had finished.
    """

    folder: str
    available: int
    partially_covered: int
    unavailable: dict
    done_before: int


def count_clips(store, clips, done_before, clip_seconds, n_frames):
    """Counts what a stream's manifest says of some clips.

    Arguments
    ---------
    store : StreamStore
        The stream.
    clips : dict
        clip_id -> dict with "duration" (s).
    done_before : int
        Clips that an earlier call had finished.
    clip_seconds : float
        Nominal length of a clip.
    n_frames : int
        Feature vectors per clip.

    Returns
    -------
    report : StreamReport
        The counts.
    """
    available, partial = 0, 0
    reasons = collections.Counter()
    for clip_id, clip in clips.items():
        row = store.rows[clip_id]
        if row.status == "unavailable":
            reasons[row.reason.split(":")[0]] += 1
            continue
        available += 1
        if row.covered_seconds is not None:
            length = min(clip["duration"], clip_seconds)
            margin = clip_seconds / n_frames
            partial += int(row.covered_seconds < length - margin)
    return StreamReport(
        store.folder,
        available,
        partial,
        dict(sorted(reasons.items())),
        done_before,
    )


def report_table(reports):
    """The final table, one row per outcome and one column per stream.

    Arguments
    ---------
    reports : dict
        Stream name -> StreamReport.

    Returns
    -------
    table : str
        Markdown.

    Example
    -------
    >>> print(report_table({"a": StreamReport("f", 3, 1, {"absent": 2}, 0)}))
    | clips | a |
    |---|---|
    | with features | 3 |
    | of these, film covers a part | 1 |
    | no film: absent | 2 |
    | done by an earlier run | 0 |
    """
    streams = list(reports)
    reasons = sorted({r for s in streams for r in reports[s].unavailable})
    rows = {
        "with features": [reports[s].available for s in streams],
        "of these, film covers a part": [
            reports[s].partially_covered for s in streams
        ],
    }
    for reason in reasons:
        rows[f"no film: {reason}"] = [
            reports[s].unavailable.get(reason, 0) for s in streams
        ]
    rows["done by an earlier run"] = [reports[s].done_before for s in streams]
    lines = ["| clips | " + " | ".join(streams) + " |"]
    lines.append("|" + "---|" * (1 + len(streams)))
    for title, numbers in rows.items():
        lines.append(f"| {title} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)
