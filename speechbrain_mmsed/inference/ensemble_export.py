"""Writes the folder of a detector that averages others.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import shutil

from speechbrain_mmsed.files import write_json, write_text
from speechbrain_mmsed.inference.detector import SoundEventDetector
from speechbrain_mmsed.inference.ensemble import MEMBERS
from speechbrain_mmsed.inference.export import (
    tuned_of,
    whole_folder,
    write_hashes,
)
from speechbrain_mmsed.inference.results import DetectionError
from speechbrain_mmsed.inference.weights import read_json

CARD = """\
# Sound event detector: an ensemble

The mean of the scores of several detectors, which lie in `members/` with their
own cards. Load this folder with `SoundEventDetector.from_hparams`; it takes as
long as all members together.

"""


def export_ensemble(
    folder, members, model, weights, report, text, average="probability"
):
    """Writes the folder of a detector that averages others, whole or not.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where to; one that is there is replaced.
    members : dict
        Name -> folder of each detector, which is copied.
    model : str
        Whose network: "student", or "teacher" where it was exported.
    weights : dict
        Name -> fusion weight of each member.
    report : dict
        Of the evaluation of the averaged scores, of a single system.
    text : str
        What the card says of members and figures.
    average : str
        As of `average_scores`.

    Raises
    ------
    DetectionError
        If the members are no detectors with this model that fit together.
    """
    folder, every = os.path.abspath(folder), list(weights.values())
    tuned = tuned_of(report, next(iter(report["tuned_parameters"])))
    tuned["primary_weight"] = every[0] if every[1:] == every[:-1] else None
    tuned |= {"members": weights, "average": average}
    for source in members.values():
        found = read_json(os.path.join(source, "postprocessing.json"))
        if model not in found:
            raise DetectionError(
                f"{source} has no {model}, only {', '.join(found)}; repeat "
                "the training's command with --export_teacher True"
            )
        # Of the last one, as members are usually alike.
        tuned["default"] = found[model].get("default", "median")
    with whole_folder(folder) as temporary:
        for name, source in members.items():
            shutil.copytree(source, os.path.join(temporary, MEMBERS, name))
        path = os.path.join(temporary, "postprocessing.json")
        write_json(path, {model: tuned})
        write_text(os.path.join(temporary, "README.md"), CARD + text)
        write_hashes(temporary)
        # One that cannot be loaded is not left behind.
        SoundEventDetector.from_hparams(source=temporary)
