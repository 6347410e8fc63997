"""How far an experiment is, and how long it will take.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import re

from tqdm import tqdm

_PLACE = re.compile(rb"epoch (\d+)/(\d+), batch (\d+)/(\d+)")
_TAIL = 65536
BAR = "{desc}: {percentage:3.0f}% |{bar}| {postfix}"


def fraction_done(log, start=0):
    """How much of a training is done, from its log.

    Arguments
    ---------
    log : str
        File with progress lines "epoch 2/100, batch 25/250".
    start : int
        Byte at which the run's own part begins.

    Returns
    -------
    float
        0 to 1; 0 where nothing is known.

    Example
    -------
    >>> path = getfixture("tmp_path") / "log"
    >>> _ = path.write_text("epoch 2/4, batch 50/100: loss 1\\n")
    >>> fraction_done(path)
    0.375
    """
    try:
        with open(log, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - _TAIL))
            found = _PLACE.findall(file.read())
    except FileNotFoundError:
        return 0.0
    if not found:
        return 0.0
    epoch, epochs, batch, batches = map(int, found[-1])
    return min(1.0, (epoch - 1 + batch / max(batches, 1)) / max(epochs, 1))


def remaining_seconds(durations, n_waiting, running, n_slots):
    """An estimate of the time to the end.

    Arguments
    ---------
    durations : list of float
        Seconds of the runs that have ended.
    n_waiting : int
        Runs that have not begun.
    running : list of tuple
        Seconds so far and fraction done of each run in work.
    n_slots : int
        Runs at once.

    Returns
    -------
    float or None
        None where nothing is known yet.

    Example
    -------
    >>> remaining_seconds([100.0], 3, [(50.0, 0.5)], 1)
    350.0
    >>> remaining_seconds([], 1, [(30.0, 0.25)], 1)
    210.0
    """
    known = list(durations)
    if not known:
        known = [s / part for s, part in running if part > 0.02]
    if not known:
        return None
    usual = sum(known) / len(known)
    # A run is done with training before it is done.
    rest = sum(max(0.0, usual - seconds) for seconds, _ in running)
    return (rest + usual * n_waiting) / n_slots


def clock(seconds):
    """Seconds as people write them.

    Arguments
    ---------
    seconds : float or None
        A time span.

    Returns
    -------
    str

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


class Progress:
    """A bar over the runs, and a line for each that ends.

    Arguments
    ---------
    n_jobs : int
        All runs.
    n_slots : int
        Runs at once.
    durations : list of float
        Seconds of the runs that an earlier runner has done.
    """

    def __init__(self, n_jobs, n_slots, durations):
        self.n_jobs = n_jobs
        self.n_slots = n_slots
        self.durations = list(durations)
        self.bar = tqdm(
            total=n_jobs,
            initial=len(durations),
            desc="runs",
            disable=None,
            bar_format=BAR,
        )

    def show(self, n_waiting, running):
        """Moves the bar.

        Arguments
        ---------
        n_waiting : int
            Runs that have not begun.
        running : list of tuple
            Seconds so far and fraction done of each run in work.
        """
        ended = self.n_jobs - n_waiting - len(running)
        self.bar.n = ended + sum(part for _, part in running)
        left = clock(self.remaining(n_waiting, running))
        self.bar.set_postfix_str(
            f"{ended} of {self.n_jobs} runs, {len(running)} in work, "
            f"remaining {left}"
        )

    def remaining(self, n_waiting, running):
        """Seconds to the end, or None; see `remaining_seconds`."""
        return remaining_seconds(
            self.durations, n_waiting, running, self.n_slots
        )

    def line(self, text):
        """Prints a line above the bar.

        Arguments
        ---------
        text : str
            What has happened.
        """
        tqdm.write(text)

    def close(self):
        """Leaves the bar as it is."""
        self.bar.close()
