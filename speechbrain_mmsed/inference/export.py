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

from speechbrain_mmsed.files import write_json, write_text
from speechbrain_mmsed.inference.export_card import model_card
from speechbrain_mmsed.inference.export_yaml import detector_yaml


def export_detector(folder, resolved_yaml, frontend, models, streams, report):
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
    report : dict
        Of the evaluation: parameters, weights and figures of each model.

    Returns
    -------
    str
        The folder.
    """
    folder = os.path.abspath(folder)
    descriptions = [{"name": name, **d} for name, d in streams.items()]
    with whole_folder(folder) as temporary:
        for name, module in {"frontend": frontend, **models}.items():
            stem = "network" if name == "student" else name
            state = {k: v.cpu() for k, v in module.state_dict().items()}
            torch.save(state, os.path.join(temporary, f"{stem}.ckpt"))
        write_json(
            os.path.join(temporary, "postprocessing.json"),
            {
                name: {
                    "primary_weight": report["inference_weight"][name],
                    "parameters": report["tuned_parameters"][name],
                }
                for name in models
            },
        )
        write_json(os.path.join(temporary, "streams.json"), descriptions)
        labels = "".join(f"{label}\n" for label in report["class_labels"])
        for name, text in (
            ("hyperparams.yaml", detector_yaml(resolved_yaml, descriptions)),
            ("labels.txt", labels),
            ("README.md", model_card(report, list(models), descriptions)),
        ):
            write_text(os.path.join(temporary, name), text)
    return folder


@contextlib.contextmanager
def whole_folder(folder):
    """A folder to write into; takes its place if the block ends well.

    Arguments
    ---------
    folder : str
        The place.

    Yields
    ------
    str
        An empty folder beside it.
    """
    mark = f"{os.path.dirname(folder)}/.{uuid.uuid4().hex}.tmp"
    os.makedirs(mark)
    try:
        yield mark
        if os.path.isdir(folder):
            os.rename(folder, f"{mark}.old")
        os.rename(mark, folder)
    finally:
        shutil.rmtree(mark, ignore_errors=True)
        shutil.rmtree(f"{mark}.old", ignore_errors=True)
