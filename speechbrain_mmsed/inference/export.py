"""Writes the folder from which a detector is loaded.

A training folder holds an optimiser, a teacher, epochs, and a yaml that
names the corpus; who wants events of a recording needs none of these.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import os
import shutil
import uuid

import torch

from speechbrain_mmsed.files import (
    disk_full_explained,
    write_json,
    write_text,
)
from speechbrain_mmsed.folders import flush
from speechbrain_mmsed.inference.export_trial import (
    try_detector,
    untuned_report,
)
from speechbrain_mmsed.inference.export_yaml import detector_yaml
from speechbrain_mmsed.inference.model_card import model_card
from speechbrain_mmsed.lobes.visual.weights import file_sha256
from speechbrain_mmsed.postprocessing.box_parameters import boxes_of


def export_detector(
    folder,
    resolved_yaml,
    frontend,
    models,
    streams,
    report=None,
    postprocessing="median",
    try_on=None,
):
    """Writes a detector folder, whole or not at all.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where to; one that is there is replaced.
    resolved_yaml : str
        The run's yaml, references filled in.
    frontend : LogMelFrontend
        With the statistics of the training data.
    models : dict
        Name -> network; "student" is written as `network.ckpt`, others
        under their names.
    streams : dict
        Name of a stream -> its `stream.json`.
    report : dict or None
        Of the evaluation: parameters, weights and figures of each model, and
        of its boxes if they were tuned. None: not evaluated yet, so thresholds
        are 0.5.
    postprocessing : str
        What the detector makes events by unless asked otherwise: "median", or
        "boxes", which must have been tuned.
    try_on : str or None
        Manifest of clips: once there is a report, the folder is loaded and
        detects in the first of them, so that a training ends with a detector
        that works or with an error.

    Returns
    -------
    str
        The folder.

    Raises
    ------
    ValueError
        If boxes are asked for, but not in the report.
    """
    tuned = report is not None
    report = report or untuned_report(resolved_yaml, models)
    folder = os.path.abspath(folder)
    chosen = {name: tuned_of(report, name) for name in models}
    for name, values in chosen.items():
        boxes = values["boxes"] or not taught_events(report)
        if tuned and postprocessing == "boxes" and not boxes:
            raise ValueError(
                f"{folder}: the report has no boxes of {name}, which the "
                "detector shall use; evaluate with postprocessing: both"
            )
        values["default"] = postprocessing if values["boxes"] else "median"
    descriptions = [{"name": name, **d} for name, d in streams.items()]
    with whole_folder(folder) as temporary:
        for name, module in {"frontend": frontend, **models}.items():
            stem = "network" if name == "student" else name
            state = {k: v.cpu() for k, v in module.state_dict().items()}
            torch.save(state, os.path.join(temporary, f"{stem}.ckpt"))
        write_json(os.path.join(temporary, "postprocessing.json"), chosen)
        write_json(os.path.join(temporary, "streams.json"), descriptions)
        labels = "".join(f"{label}\n" for label in report["class_labels"])
        for name, text in (
            ("hyperparams.yaml", detector_yaml(resolved_yaml, descriptions)),
            ("labels.txt", labels),
            ("README.md", model_card(report, chosen, descriptions)),
        ):
            write_text(os.path.join(temporary, name), text)
        write_hashes(temporary)
    tried = "thresholds of 0.5 until it is evaluated"
    if tuned and try_on:
        tried = try_detector(folder, try_on)
    print(f"detector: {folder} ({tried})" if try_on else f"detector: {folder}")
    return folder


def write_hashes(folder):
    """Writes files.json, which `check_files` reads."""
    hashes = {
        entry.name: file_sha256(entry.path)
        for entry in sorted(os.scandir(folder), key=lambda found: found.name)
        if entry.is_file()
    }
    write_json(os.path.join(folder, "files.json"), hashes)


@contextlib.contextmanager
def whole_folder(folder):
    """An empty folder that takes its place if the block ends well."""
    mark = f"{os.path.dirname(folder)}/.{uuid.uuid4().hex}.tmp"
    try:
        with disk_full_explained(folder):
            os.makedirs(mark)
            yield mark
            flush(mark)
            if os.path.isdir(folder):
                os.rename(folder, f"{mark}.old")
            os.rename(mark, folder)
            flush(os.path.dirname(folder), inside=False)
    finally:
        shutil.rmtree(mark, ignore_errors=True)
        shutil.rmtree(f"{mark}.old", ignore_errors=True)


def taught_events(report):
    """Whether any clip taught the run when events begin and end."""
    learnt = report.get("metadata", {}).get("learnt_from", {})
    return bool(learnt.get("events", True))


def tuned_of(report, name):
    """What postprocessing.json holds of a model; its boxes may be none."""
    tuned = report["tuned_parameters"]
    boxes = tuned.get(boxes_of(name), {}).items()
    parameters = dict(tuned[name])
    if not taught_events(report):
        # Frames that nobody taught shall give no events.
        for metric in set(parameters) - {"cbf1"}:
            ones = [1.0] * len(parameters[metric]["labels"])
            parameters[metric] = {**parameters[metric], "thresholds": ones}
        boxes = ()
    return {
        "primary_weight": report["inference_weight"][name],
        "parameters": parameters,
        # A clip's labels have none.
        "boxes": {metric: of for metric, of in boxes if metric != "cbf1"},
    }
