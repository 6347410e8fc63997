"""What became of the clips of an extraction, counted and as a table.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import dataclasses


@dataclasses.dataclass
class StreamReport:
    """What became of the clips of one stream."""

    folder: str
    available: int  # clips with features
    partially_covered: int  # those whose film does not show all of the clip
    unavailable: dict  # kind of reason -> number of clips without features
    done_before: int  # clips that an earlier call had finished


def count_clips(store, clips, done_before, clip_seconds, n_frames):
    """Counts what a stream's manifest says of some clips; a StreamReport."""
    available, partial, reasons = 0, 0, collections.Counter()
    margin = clip_seconds / n_frames
    for clip_id, clip in clips.items():
        row = store.rows[clip_id]
        if row.status == "unavailable":
            reasons[row.reason.split(":")[0]] += 1
            continue
        available += 1
        if row.covered_seconds is not None:
            length = min(clip["duration"], clip_seconds)
            partial += row.covered_seconds < length - margin
    reasons = dict(sorted(reasons.items()))
    return StreamReport(store.folder, available, partial, reasons, done_before)


def report_table(reports):
    """The final table, one row per outcome and one column per stream.

    Arguments
    ---------
    reports : dict
        Stream name -> StreamReport.

    Returns
    -------
    str
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
    columns = list(reports.values())
    rows = {
        "with features": [c.available for c in columns],
        "of these, film covers a part": [c.partially_covered for c in columns],
    }
    for reason in sorted({r for c in columns for r in c.unavailable}):
        numbers = [c.unavailable.get(reason, 0) for c in columns]
        rows[f"no film: {reason}"] = numbers
    rows["done by an earlier run"] = [c.done_before for c in columns]
    lines = ["| clips | " + " | ".join(reports) + " |"]
    lines.append("|" + "---|" * (1 + len(columns)))
    for title, numbers in rows.items():
        lines.append(f"| {title} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)
