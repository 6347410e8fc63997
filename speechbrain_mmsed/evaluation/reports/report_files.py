"""A report on disk: figures, text, pictures, page, counts for comparisons.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.evaluation.reports.charts import (
    draw_availability,
    draw_classes,
    has_matplotlib,
    save,
)
from speechbrain_mmsed.evaluation.reports.documents import (
    markdown,
    write_page,
)
from speechbrain_mmsed.evaluation.reports.system_pictures import draw_system
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    counts_path,
    save_counts,
)
from speechbrain_mmsed.files import plain_name, write_json, write_text


def write_report(
    report, folder, systems, truth, counts, spectrogram, pictures=True
):
    """Writes everything that a report leaves; returns the page.

    These are report.json, report.md, report.html, the pictures if wanted, and
    counts_<system>.npz. The report is as `report_data` returns it, and gets
    "pictures"; `systems` are EvaluatedSystem by name, `counts` is as
    `count_system` returns it.
    """
    folder = pathlib.Path(folder)
    for name, (statistics, has_video) in counts.items():
        save_counts(counts_path(folder, name), statistics, has_video)
    report["pictures"] = {"files": [], "reason": "No pictures were asked for."}
    if pictures:
        report["pictures"] = plot_report(
            report, folder, systems, truth, spectrogram
        )
    # NaN is no JSON, and no figure of this report may be NaN.
    write_json(folder / "report.json", report)
    text = markdown("report.txt", "Report", report=report)
    write_text(folder / "report.md", text)
    page = folder / "report.html"
    return write_page("report.txt", "Report", page, report=report)


def plot_report(report, folder, systems=None, truth=None, spectrogram=None):
    """Draws what there is data for.

    Returns the names of the files and the reason why there are none, or "".
    """
    if not has_matplotlib():
        reason = (
            "No pictures: matplotlib is not installed "
            '(pip install "speechbrain_mmsed[plot]").'
        )
        return {"files": [], "reason": reason}
    figures = {
        "class_wise_f1": draw_classes(report),
        "availability": draw_availability(report),
    }
    for name, system in (systems or {}).items():
        figures |= draw_system(name, system, truth, spectrogram)
    files = [
        save(figure, folder, f"{plain_name(title)}.png")
        for title, figure in figures.items()
        if figure is not None
    ]
    return {"files": files, "reason": ""}
