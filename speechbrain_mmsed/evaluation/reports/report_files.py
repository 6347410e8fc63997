"""A report on disk: figures, text, pictures, page, counts for comparisons.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.evaluation.reports.pictures import plot_details
from speechbrain_mmsed.evaluation.reports.pictures.page import write_page
from speechbrain_mmsed.evaluation.reports.plots import plot_report
from speechbrain_mmsed.evaluation.reports.report import render_report
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    counts_path,
    save_counts,
)
from speechbrain_mmsed.files import write_json, write_text

WANTED_NONE = "No pictures were asked for."


def write_report(report, folder, drawn_from, statistics, pictures=True):
    """Writes everything that a report leaves.

    Arguments
    ---------
    report : dict
        As `report_data` returns, with what `render_report` takes; gets
        "pictures".
    folder : str or pathlib.Path
        Gets report.json, report.md, report.html, the pictures, and
        counts_<system>.npz of every system.
    drawn_from : dict
        For each system a PictureData.
    statistics : dict
        For each system counts by clip, as `clip_statistics` returns, and
        has_video, as `save_counts` takes it.
    pictures : bool
        Whether to draw.

    Returns
    -------
    pathlib.Path
        The page.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (counts, has_video) in statistics.items():
        save_counts(counts_path(folder, name), counts, has_video)
    report["pictures"] = {"files": [], "reason": WANTED_NONE}
    if pictures:
        report["pictures"] = plot_report(report, folder)
        for name, data in drawn_from.items():
            report["pictures"]["files"] += plot_details(name, data, folder)
    text = render_report(report)
    # NaN is no JSON, and no figure of this report may be NaN.
    write_json(folder / "report.json", report)
    write_text(folder / "report.md", text)
    return write_page(text, folder)
