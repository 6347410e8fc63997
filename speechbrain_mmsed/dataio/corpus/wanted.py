"""The list of films that a corpus lacks, for a download program.

Which program, and whether downloading is allowed, is the user's business.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import io
import os

from speechbrain_mmsed.dataio.corpus.matching import clip_key
from speechbrain_mmsed.files import write_text

WANTED_FILE = "video_wanted.csv"


def write_wanted(prepared_folder, probes):
    """Writes the clips whose film is missing or cannot be used.

    A CSV file with the columns id (of the video), start and end (seconds)
    and subset. Clips whose name tells no id and times are left out.

    Arguments
    ---------
    prepared_folder : str
        Where to write `video_wanted.csv`.
    probes : dict
        subset -> list of ClipProbe, without subsets that were never filmed.

    Returns
    -------
    int
        Number of clips in the file.
    """
    rows = sorted(
        (*clip_key(probe.filename), subset)
        for subset, found in probes.items()
        for probe in found
        if not probe.video and len(clip_key(probe.filename)) == 3
    )
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["id", "start", "end", "subset"])
    for name, start, end, subset in rows:
        lines.writerow(
            [name, f"{start / 1000:.3f}", f"{end / 1000:.3f}", subset]
        )
    write_text(os.path.join(prepared_folder, WANTED_FILE), text.getvalue())
    return len(rows)
