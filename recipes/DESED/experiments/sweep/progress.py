"""How far runs are, how long the others will take, and what failed, by logs.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import re

_PLACE = re.compile(rb"epoch (\d+)/(\d+), batch (\d+)/(\d+)")


def fraction_done(log, start=0):
    """How much of a training is done, 0 to 1, by its log from a byte on."""
    found = _PLACE.findall(_tail(log, 65536, start))
    if not found:
        return 0.0
    epoch, epochs, batch, batches = map(int, found[-1])
    return min(1.0, (epoch - 1 + batch / max(batches, 1)) / max(epochs, 1))


def remaining_seconds(durations, n_waiting, running, n_slots):
    """An estimate of the time to the end, or None.

    From the seconds of the runs that have ended, the number of those that
    wait, (seconds so far, fraction done) of those running, and how many run
    at once.
    """
    known = durations or [s / part for s, part in running if part > 0.02]
    if not known:
        return None
    usual = sum(known) / len(known)
    # A run is done with training before it is done.
    rest = sum(max(0.0, usual - seconds) for seconds, _ in running)
    return (rest + usual * n_waiting) / n_slots


def clock(seconds):
    """Seconds as people write them.

    Example
    -------
    >>> clock(59), clock(3700), clock(200000), clock(None)
    ('59 s', '1 h 02 min', '2 d 7 h', 'unknown')
    """
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 2880:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def failure_list(failed):
    """What failed as (job, reason), with the last line of its log."""
    return "\n".join(
        f"- {job.name}: {reason}\n  {job.log}\n  {_last_words(job.log)}"
        for job, reason in failed
    )


def _last_words(log):
    """The last line of a log that is not empty; at most 300 characters."""
    lines = _tail(log, 8192).decode("utf-8", "replace").splitlines()
    words = [line.strip() for line in lines if line.strip()]
    return words[-1][-300:] if words else ""


def _tail(log, n_bytes, start=0):
    """The end of a file; nothing where there is no file."""
    try:
        with open(log, "rb") as file:
            file.seek(max(start, file.seek(0, os.SEEK_END) - n_bytes))
            return file.read()
    except OSError:
        return b""
