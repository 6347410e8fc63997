"""All pictures of one system.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

from speechbrain_mmsed.evaluation.counts.counts import count_clips, count_grid
from speechbrain_mmsed.evaluation.metrics.scored import THRESHOLDS, WINDOWS
from speechbrain_mmsed.evaluation.reports.pictures.canvas import (
    has_matplotlib,
    save,
)
from speechbrain_mmsed.evaluation.reports.pictures.grids import (
    draw_grid,
    draw_thresholds,
)
from speechbrain_mmsed.evaluation.reports.pictures.roc import draw_roc
from speechbrain_mmsed.evaluation.reports.pictures.timelines import (
    draw_timelines,
)
from speechbrain_mmsed.files import plain_name
from speechbrain_mmsed.postprocessing.decode import decode


@dataclass
class PictureData:
    """What the pictures of a system are drawn from.

    Arguments
    ---------
    figures : dict
        For each metric a dict as `Measured.figures` describes it, over all
        clips of evaluation.
    labels : list of str
        C class labels.
    parameters : dict
        For each metric a ClassParameters; {} for operating points.
    scores : ClipScores or None
        Of evaluation, for the timelines.
    events : pandas.DataFrame or None
        Predicted events for the timelines where there are no scores.
    truth : GroundTruth or None
        Its reference.
    validation_scores : ClipScores or None
        Of validation, for F1 over thresholds and windows.
    validation_truth : GroundTruth or None
        Its reference.
    spectrogram : callable or None
        As `draw_timelines` takes it.
    """

    figures: dict
    labels: list
    parameters: dict
    scores: object = None
    events: object = None
    truth: object = None
    validation_scores: object = None
    validation_truth: object = None
    spectrogram: object = None


def plot_details(name, data, folder):
    """Draws what there is data for.

    Arguments
    ---------
    name : str
        Of the system; goes into titles and file names.
    data : PictureData
        What to draw from.
    folder : str or pathlib.Path
        Gets psd_roc_<name>.png, f1_event_<name>.png, f1_segment_<name>.png,
        f1_clip_<name>.png and timelines_<name>.png.

    Returns
    -------
    list of str
        Names of the files that were written; none without matplotlib.
    """
    if not has_matplotlib():
        return []
    pictures = {
        f"psd_roc_{name}": draw_roc(
            {m: data.figures[m] for m in ("psds1", "psds2")}, data.labels, name
        )
    }
    if data.validation_scores is not None:
        pictures.update(_grids(name, data))
    events = _events(data)
    if events is not None:
        pictures[f"timelines_{name}"] = draw_timelines(
            events, data.truth, name, data.scores, data.spectrogram
        )
    return [
        save(figure, folder, f"{plain_name(title)}.png")
        for title, figure in pictures.items()
        if figure is not None
    ]


def _events(data):
    """Predicted events as EBF1 counts them; None where there are none."""
    if data.scores is None or not data.parameters:
        return data.events
    tuned = data.parameters["ebf1"]
    return decode(data.scores, tuned.thresholds, tuned.windows)


def _grids(name, data):
    """F1 at every point that was tried."""
    scores, truth = data.validation_scores, data.validation_truth
    grid = count_grid(scores, truth, THRESHOLDS, WINDOWS)
    drawn = {
        f"f1_{kind}_{name}": draw_grid(
            grid[kind],
            data.parameters[f"{kind[0]}bf1"],
            scores.frame_hop,
            f"{name}: {kind}-based F1",
        )
        for kind in ("event", "segment")
    }
    drawn[f"f1_clip_{name}"] = draw_thresholds(
        count_clips(scores, truth, THRESHOLDS),
        data.parameters["cbf1"],
        f"{name}: clip-based F1",
    )
    return drawn
