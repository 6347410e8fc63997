"""What became of many recordings, for the screen.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections

from speechbrain_mmsed.inference.formats.values import shown_name

# Longer lists are not read on a screen; files.tsv has all.
MAX_LINES = 30

# Reasons that go on with what is particular to one file.
GENERAL = (
    *("partly covered", "unreadable", "zero-length"),
    "its results cannot be written",
)


def screen_lines(results, inputs, streams, what="events"):
    """The summary for the screen.

    Arguments
    ---------
    results : list of Result
        All of them.
    inputs : Inputs
        What was named.
    streams : list of str
        The detector's streams.
    what : str
        "events" or "tags": what is counted.

    Returns
    -------
    list of str
        Lines: recordings, counts and reasons.
    """
    failed = [result for result in results if result.failed]
    done = [result for result in results if not result.failed]
    if len(results) <= MAX_LINES:
        lines = _grid(results, what)
    else:
        lines = _grid(failed, what)[: MAX_LINES + 1]
    if lines:
        lines.append("")
    noun = "recording" if len(results) == 1 else "recordings"
    text = f"{len(results)} {noun}: {len(done)} done"
    reused = sum(result.reused for result in results)
    if reused:
        text += f" ({reused} of them before)"
    lines.append(f"{text}, {len(failed)} failed")
    lines += _counted("failed", (kind(r.reason) for r in failed))
    damaged = sum(bool(result.remark) for result in done)
    if damaged:
        lines.append(f"sound not whole: {damaged} (see files.tsv)")
    for stream in streams:
        states = (kind(r.streams.get(stream, "unknown")) for r in done)
        lines += _counted(stream, states)
    labels = [label for r in done for label, *_ in _found(r, what)]
    lines += _counted(what, labels) or [f"{what}: none"]
    if inputs.other_kinds:
        lines += _counted("files of other kinds left out", inputs.other_kinds)
    if inputs.repeated:
        lines.append(f"named more than once, done once: {inputs.repeated}")
    return lines


def kind(reason):
    """A reason without what is particular to one file.

    Example
    -------
    >>> kind("partly covered 0.0-6.2 s"), kind("absent: no video track")
    ('partly covered', 'no video track')
    """
    reason = reason.removeprefix("absent: ")
    for general in GENERAL:
        if reason.startswith(general):
            return general
    return reason


def _found(result, what):
    """(label,) of each event, or (label, score) of each tag."""
    if what == "tags":
        return result.tags
    return [(label,) for _, _, label, _ in result.events]


def _counted(title, values):
    """One line of counts, most frequent first; none for nothing."""
    counts = collections.Counter(values).most_common()
    if not counts:
        return []
    parts = ", ".join(f"{value} {count}" for value, count in counts)
    return [f"{title}: {parts}"]


def _grid(results, what):
    """A line for each recording, in columns."""
    if not results:
        return []
    rows = [("recording", "seconds", what)]
    for result in results:
        name = shown_name(result.file.name)
        if len(name) > 48:
            name = f"{name[:22]}...{name[-23:]}"
        if result.failed:
            rows.append((name, "-", f"FAILED: {result.reason}"))
            continue
        if what == "tags":
            found = [f"{label} {score:.2f}" for label, score in result.tags]
        else:
            counts = collections.Counter(row[2] for row in result.events)
            found = [f"{label} {n}" for label, n in counts.most_common()]
        partly = [
            f"{stream} {text}"
            for stream, text in result.streams.items()
            if text != "used"
        ]
        if result.remark:
            partly.append(result.remark)
        text = "; ".join([", ".join(found) or "none", *partly])
        rows.append((name, f"{result.duration:.1f}", text))
    wide = max(len(row[0]) for row in rows)
    long = max(len(row[1]) for row in rows)
    return [f"{a:<{wide}}  {b:>{long}}  {c}" for a, b, c in rows]
