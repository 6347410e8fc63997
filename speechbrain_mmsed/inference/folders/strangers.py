"""Files of the user that results would overwrite.

Labels of one's own often lie beside the films, under the very names that
results would have.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.inference.folders.journal import Journal

# Both commands may write to one folder; files.tsv is of either.
JOURNALS = {"detect": "detect.jsonl", "tag": "tag.jsonl"}


def journal_path(folder, command):
    """The journal of a command in an output folder.

    Arguments
    ---------
    folder : str
        The output folder.
    command : str
        A key of JOURNALS.

    Returns
    -------
    str
    """
    return os.path.join(folder, JOURNALS[command])


def strangers(folder, command, paths):
    """Those of the files that are there and were written by nobody known.

    Arguments
    ---------
    folder : str
        The output folder.
    command : str
        A key of JOURNALS: who wants to write.
    paths : iterable of str
        What it would write.

    Returns
    -------
    list of str
        Files that no journal owns, or that were changed since; and the
        journal itself if it is none.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "film.txt").write_text("0 1 my own label")
    >>> found = strangers(folder, "detect", [folder / "film.txt"])
    >>> [os.path.basename(path) for path in found]
    ['film.txt']
    """
    journals = {
        name: Journal(journal_path(folder, name), None) for name in JOURNALS
    }
    own = journals[command]
    found = [own.path] if own.is_strange else []
    return found + [
        path
        for path in paths
        if os.path.lexists(path)
        and not any(journal.owns(path) for journal in journals.values())
    ]
