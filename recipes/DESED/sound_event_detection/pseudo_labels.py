#!/usr/bin/env python3
"""Scores of finished runs for the weak and unlabelled clips, as pseudo-labels.

Of several runs, with the same corpus and classes, the mean is stored.

> python pseudo_labels.py RUN_1 RUN_2 --out PSEUDO --device cuda:0
> python train.py hparams/transformer.yaml ... --pseudo_labels_folder PSEUDO

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import dataclasses
import os
import sys
import tempfile

from train import SoundEventBrain, dataio_prep, open_stores

from speechbrain_mmsed.files import read_json, run_program
from speechbrain_mmsed.in_use import claim_folder
from speechbrain_mmsed.lobes.visual.weights import file_sha256
from speechbrain_mmsed.postprocessing.ensembles import average_scores
from speechbrain_mmsed.postprocessing.scores import ClipScores, score_file
from speechbrain_mmsed.training.checkpoints import WholeCheckpointer
from speechbrain_mmsed.training.hparams import read_hparams
from speechbrain_mmsed.training.pseudo_labels import (
    SUBSETS,
    PseudoLabelError,
    save_pseudo_labels,
)

# What only a training writes or reads.
NOT_TRAINED = """
tensorboard_logger: null
mean_teacher: {loggers: []}
pseudo_labels: null
"""


def score_run(run, device):
    """Scores of a finished run's student at its chosen weight.

    Arguments
    ---------
    run : str
        Its output folder.
    device : str
        Where to score.

    Returns
    -------
    scores : dict
        Subset -> ClipScores.
    source : dict
        What gave them, plain values.
    """
    report = os.path.join(run, "report.json")
    if not os.path.isfile(report):
        raise PseudoLabelError(
            f"{report} is not there: expected the output folder of a training "
            "that has come to its end"
        )
    report = read_json(report)
    weight = report["inference_weight"]["student"]
    weight = tuple(weight) if isinstance(weight, list) else weight
    yaml = os.path.join(run, "hyperparams.yaml")
    # Written with all that a variant includes filled in.
    hparams, _ = read_hparams(yaml, NOT_TRAINED)
    stores = open_stores(hparams)
    datasets = dataio_prep(hparams, stores)
    # Of the yaml's, which may name another place: the run may have been moved
    checkpointer = WholeCheckpointer(
        os.path.join(run, "save"), hparams["checkpointer"].recoverables
    )
    brain = SoundEventBrain(
        hparams["modules"],
        None,
        hparams,
        {"device": device},
        checkpointer,
        **hparams["mean_teacher"],
    )
    brain.recover_last()
    checkpoint = checkpointer.recover_if_possible().path
    with tempfile.TemporaryDirectory() as folder:
        write = dataclasses.replace(
            hparams["write_scores"], scores_folder=folder
        )
        subsets = {subset: datasets[subset] for subset in SUBSETS}
        write({"": brain.student}, subsets, brain.inputs, stores, [weight])
        scores = {
            subset: ClipScores.load(
                os.path.join(folder, subset, score_file(weight))
            )
            for subset in SUBSETS
        }
    return scores, {
        "run": os.path.abspath(run),
        "checkpoint": checkpoint.name,
        "network_sha256": file_sha256(checkpoint / "network.ckpt"),
        "settings_sha256": file_sha256(yaml),
        "weight": weight,
        **report["metadata"],
    }


def main(arguments):
    """Scores all runs, and stores the mean.

    Arguments
    ---------
    arguments : list of str
        Of the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="output folder of a run")
    add("--out", required=True, metavar="DIR", help="gets the pseudo-labels")
    add("--device", default="cpu", help="cpu or cuda:0")
    options = parser.parse_args(arguments)
    claim_folder(options.out)
    members, sources = {subset: {} for subset in SUBSETS}, []
    for run in options.runs:
        scores, source = score_run(run, options.device)
        sources.append(source)
        for subset, of_run in scores.items():
            members[subset][run] = of_run
    means = {subset: average_scores(runs) for subset, runs in members.items()}
    save_pseudo_labels(options.out, means, sources)
    print(f"pseudo-labels of {len(sources)} runs: {options.out}")


if __name__ == "__main__":
    run_program("pseudo_labels.py", main, sys.argv[1:])
