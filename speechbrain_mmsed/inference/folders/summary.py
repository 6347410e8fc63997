"""What became of many recordings, for the screen.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections

from speechbrain_mmsed.inference.formats.values import shown_name

# Longer lists are not read on a screen; files.tsv has all.
MAX_LINES = 30


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
    lines = _grid(results if len(results) <= MAX_LINES else failed, what)
    if len(results) > MAX_LINES and failed:
        lines = lines[: MAX_LINES + 1]
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
    if what == "events":
        found = (label for r in done for _, _, label, _ in r.events)
    else:
        found = (label for r in done for label, _ in r.tags)
    lines += _counted(what, found) or [f"{what}: none"]
    if inputs.other_kinds:
        lines += _counted("files of other kinds left out", inputs.other_kinds)
    if inputs.repeated:
        lines.append(f"named more than once, done once: {inputs.repeated}")
    return lines


def kind(reason):
    """A reason without what is particular to one file.

    Arguments
    ---------
    reason : str
        As results have it.

    Returns
    -------
    str

    Example
    -------
    >>> kind("partly covered 0.0-6.2 s"), kind("absent: no video track")
    ('partly covered', 'no video track')
    """
    if reason.startswith("absent: "):
        reason = reason.removeprefix("absent: ")
    for general in (
        *("partly covered", "unreadable", "zero-length"),
        "its results cannot be written",
    ):
        if reason.startswith(general):
            return general
    return reason


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
        counts = collections.Counter(label for _, _, label, _ in result.events)
        found = ", ".join(f"{label} {n}" for label, n in counts.most_common())
        if what == "tags":
            found = ", ".join(f"{t} {score:.2f}" for t, score in result.tags)
        partly = [
            f"{stream} {text}"
            for stream, text in result.streams.items()
            if text != "used"
        ]
        if result.remark:
            partly.append(result.remark)
        rows.append(
            (
                name,
                f"{result.duration:.1f}",
                "; ".join([found or "none", *partly]),
            )
        )
    wide = max(len(row[0]) for row in rows)
    long = max(len(row[1]) for row in rows)
    return [f"{a:<{wide}}  {b:>{long}}  {c}" for a, b, c in rows]
