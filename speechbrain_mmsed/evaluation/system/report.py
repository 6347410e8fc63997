"""Any system's predictions to one report; read and checked before the work.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import time

import numpy as np

from speechbrain_mmsed.evaluation.evaluate import evaluate_by
from speechbrain_mmsed.evaluation.metrics.run import METRICS
from speechbrain_mmsed.evaluation.readers.tables import FORMS
from speechbrain_mmsed.evaluation.reports.report_data import (
    describe_figures,
    report_data,
)
from speechbrain_mmsed.evaluation.reports.report_files import write_report
from speechbrain_mmsed.evaluation.system.inputs import read_inputs
from speechbrain_mmsed.postprocessing.parameters import ClassParameters


def evaluate_system(arguments, form):
    """Reads, measures, writes and prints; returns what report.json holds.

    Of the checked arguments of `mmsed evaluate`; `form` is a key of `FORMS`.
    """
    start = time.time()
    system, truth = read_inputs(arguments, form)
    said = _choose_parameters(system, arguments)
    how = "as asked" if arguments.format else "recognised from the content"
    print(
        f"predictions: {arguments.predictions}, of the form {form} "
        f"({FORMS[form]}; {how})"
    )
    for note in [*system.notes, said]:
        print(f"- {note}")
    models = evaluate_by(
        arguments.postprocessing, arguments.name, system, truth
    )
    metadata = _metadata(arguments, form, said)
    metadata["seconds"] = round(time.time() - start, 1)
    report = report_data(models, {}, truth, {}, metadata)
    report["notes"] = system.notes
    report["tuned"] = system.validation is not None
    report["figures"] = {
        name: describe_figures(each, form, said)
        for name, each in models.items()
    }
    spectrogram = None
    if arguments.audio:
        # Here, because evaluation needs neither torch nor sound otherwise.
        from speechbrain_mmsed.dataio.corpus.spectrogram import (
            SpectrogramFolder,
        )

        spectrogram = SpectrogramFolder(arguments.audio)
    write_report(
        *(report, arguments.out, models, truth, spectrogram),
        *(arguments.intervals, arguments.pictures),
    )
    return report


def _choose_parameters(system, arguments):
    """How scores become events, in a sentence; parameters if not tuned."""
    if system.scores is None:
        if system.chosen:
            return f"F1 of one operating point: {system.chosen}."
        return "PSDS only: no operating point was chosen for F1."
    if system.validation is not None:
        system.parameters_from = str(arguments.validation_predictions)
        return (
            "Tuned: thresholds and median windows of each class and metric "
            f"on {system.parameters_from}."
        )
    window, labels = arguments.window, system.scores.labels
    every = np.ones(len(labels), dtype=int)
    for metric in METRICS:
        system.parameters[metric] = ClassParameters(
            labels,
            None if "psds" in metric else every * arguments.threshold,
            None if metric == "cbf1" else every * window,
            every == 0,
        )
    smooth = "no median filter"
    if window > 1:
        seconds = window * system.scores.frame_hop
        smooth = f"median window {window} frames ({seconds:g} s)"
    return (
        f"Untuned: threshold {arguments.threshold:g}, {smooth}, the same for "
        "every class."
    )


def _metadata(arguments, form, said):
    """What was evaluated, for the report."""
    optional = ("validation_predictions", "video", "ignored_predictions")
    given = {name: getattr(arguments, name) for name in optional}
    return {
        "predictions": str(arguments.predictions),
        "form": f"{form} ({FORMS[form]})",
        "ground truth": str(arguments.ground_truth),
        "durations": str(arguments.durations),
        "post-processing": said,
        **{k.replace("_", " "): str(v) for k, v in given.items() if v},
    }
