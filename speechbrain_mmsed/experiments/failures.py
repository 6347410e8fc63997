"""What failed in an experiment, and why.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os


def last_words(log):
    """The last line of a log that is not empty.

    Arguments
    ---------
    log : str
        Path of the file.

    Returns
    -------
    str
        At most 300 characters.
    """
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:  # not there, or no file
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][-300:] if lines else ""


def failure_list(failed):
    """What failed, for the end of a run.

    Arguments
    ---------
    failed : list of tuple
        (job, reason), as `Runner.run` returns.

    Returns
    -------
    str
    """
    return "\n".join(
        f"- {job.name}: {reason}\n  {job.log}\n  {last_words(job.log)}"
        for job, reason in failed
    )
