"""Any system's predictions to one report; read and checked before the work.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import pathlib
import time

import numpy as np
from tqdm import tqdm

from speechbrain_mmsed.evaluation.evaluate import evaluate_splits, tune
from speechbrain_mmsed.evaluation.metrics.run import METRICS
from speechbrain_mmsed.evaluation.readers.tables import FORMS
from speechbrain_mmsed.evaluation.reports.documents import (
    screen_report,
    text_sections,
)
from speechbrain_mmsed.evaluation.reports.report_data import (
    describe_figures,
    further_figures,
    report_data,
)
from speechbrain_mmsed.evaluation.reports.report_files import write_report
from speechbrain_mmsed.evaluation.run import count_system
from speechbrain_mmsed.evaluation.system.inputs import read_inputs
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

BOXES = (
    "Sound event bounding boxes (Ebbers et al., arXiv 2406.04212): length of "
    "a change, both thresholds of gaps and, for F1, of confidence, tuned for "
    "each class and metric on {}. Clip labels have no boxes."
)


def evaluate_system(arguments, form):
    """Reads, measures, writes and prints; returns what report.json holds.

    Of the checked arguments of `mmsed evaluate`; `form` is a key of `FORMS`.
    """
    start = time.time()
    out = pathlib.Path(arguments.out)
    system, truth = read_inputs(arguments, form)
    said = _choose_parameters(system, arguments)
    how = "as asked" if arguments.format else "recognised from the content"
    print(
        f"predictions: {arguments.predictions}, of the form {form} "
        f"({FORMS[form]}; {how})"
    )
    for note in [*system.notes, said]:
        print(f"- {note}")
    with tqdm(total=4, desc="evaluation", disable=None) as bar:
        systems = _tuned(system, truth.get("validation"), arguments, said)
        bar.update()
        for each, _ in systems.values():
            each.splits = evaluate_splits(each, truth["evaluation"])
        metadata = _metadata(arguments, form, said)
        models = {name: each for name, (each, _) in systems.items()}
        report = report_data(models, {}, truth, {}, metadata)
        report["notes"] = system.notes
        report["tuned"] = system.validation is not None
        report["figures"] = {
            name: describe_figures(each, form, how)
            for name, (each, how) in systems.items()
        }
        report |= {"sections": [], "further": {}}
        bar.update()
        counts = {}
        for name, each in models.items():
            content = {"report": report, "name": name}
            report["sections"] += text_sections("figures.txt", **content)
            counts |= count_system(name, each, truth["evaluation"])
            if name in counts:
                further = further_figures(counts[name][0], arguments.intervals)
                content["further"] = report["further"][name] = further
                report["sections"] += text_sections("further.txt", **content)
        metadata["seconds"] = round(time.time() - start, 1)
        bar.update()
        spectrogram = None
        if arguments.audio:
            # Here, because evaluation needs neither torch nor sound otherwise.
            from speechbrain_mmsed.dataio.corpus.spectrogram import (
                SpectrogramFolder,
            )

            spectrogram = SpectrogramFolder(arguments.audio)
        page = write_report(
            # Of frames' scores: there are no pictures of boxes.
            *(report, out, {n: s for n, s in models.items() if s is system}),
            *(truth, counts),
            spectrogram=spectrogram,
            pictures=arguments.pictures,
        )
        bar.update()
    print(screen_report(report))
    print(
        f"results: {page} (one page with pictures), report.md and report.json "
        "beside it"
    )
    return report


def _tuned(system, truth, arguments, said):
    """Name -> the system with its parameters, and how they came about."""
    names, systems = [arguments.name, f"{arguments.name}, boxes"], {}
    if arguments.postprocessing != "boxes":
        if truth is not None:
            system.parameters = tune(system.validation, truth)
        systems[names[0]] = system, said
    if arguments.postprocessing in ("boxes", "both"):
        parameters = tune(system.validation, truth, boxes=True)
        boxes = dataclasses.replace(system, parameters=parameters)
        systems[names[1]] = boxes, BOXES.format(system.parameters_from)
    return systems


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
