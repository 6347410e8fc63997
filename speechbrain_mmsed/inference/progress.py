"""A progress bar over files, or over the seconds of a single long one.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from tqdm import tqdm


class Progress:
    """A bar that appears when work takes more than a second.

    Arguments
    ---------
    paths : list of str
        The recordings.
    shown : bool or None
        Whether to show it; None: on a terminal.
    """

    def __init__(self, paths, shown=None):
        self.single = len(paths) == 1
        what = {"unit": " files", "total": len(paths)}
        if self.single:
            what = {"unit": " s", "desc": os.path.basename(paths[0])}
        disable = None if shown is None else not shown
        self.bar = tqdm(disable=disable, delay=1.0, **what)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()

    def __call__(self, windows, n_ended):
        """Takes notice of a batch.

        Arguments
        ---------
        windows : list of Window
            What was scored.
        n_ended : int
            Recordings that ended with it.
        """
        if not self.single:
            self.bar.update(n_ended)
        elif windows:
            last = windows[-1]
            self.bar.update(round(last.begin + last.seconds - self.bar.n))
