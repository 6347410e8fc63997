"""Figures of finished runs, at the weights that an experiment has chosen.

A run measures itself at the weight that its own validation clips chose. In a
search one weight is chosen for all seeds of a system; runs that chose another
are then measured again, from the scores that they have stored.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import hashlib
import json
import os
from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.evaluate import SPLITS, evaluate_splits, tune
from speechbrain_mmsed.evaluation.metrics.scored import load_scores
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.experiments.jobs import sorted_out
from speechbrain_mmsed.experiments.paper import METRICS
from speechbrain_mmsed.files import write_json
from speechbrain_mmsed.postprocessing.parameters import ClassParameters


@dataclass
class Run:
    """A finished run.

    Arguments
    ---------
    job : Job
        What was run.
    report : dict
        Content of its report.json.
    mark : str
        Changes when the run is scored again.
    model : str
        "student" or "teacher".
    """

    job: object
    report: dict
    mark: str
    model: str = "student"

    @property
    def validation_f1(self):
        """Weight of the sound -> validation event-based F1."""
        found = self.report["validation_ebf1"][self.model]
        return {round(float(weight), 4): f1 for weight, f1 in found.items()}

    @property
    def overrides(self):
        """What the run was given; data may lie elsewhere than for others."""
        return self.job.record()["overrides"]

    @property
    def folder(self):
        """Folder of what is computed from the run's scores."""
        return os.path.join(self.job.folder, "collected")

    def truth(self, subset):
        """Reference events of a subset.

        Arguments
        ---------
        subset : str
            "validation" or "evaluation".

        Returns
        -------
        GroundTruth
        """
        default = os.path.join(self.job.folder, "prepared")
        prepared = self.overrides.get("prepared_folder", default)
        stem = os.path.join(prepared, "ground_truth", subset)
        labels = self.report["class_labels"]
        return GroundTruth.load(f"{stem}.tsv", f"{stem}_durations.tsv", labels)

    def scores(self, subset, weight):
        """Stored scores of a subset at a weight.

        Arguments
        ---------
        subset : str
            "validation" or "evaluation".
        weight : float
            Weight of the sound.

        Returns
        -------
        ClipScores
        """
        default = os.path.join(self.job.folder, "scores")
        scores = self.overrides.get("scores_folder", default)
        folder = os.path.join(scores, self.model, subset)
        return load_scores(folder, weight, self.report["class_labels"])

    def clips(self, split):
        """Clips of a split of the evaluation set.

        Arguments
        ---------
        split : str
            One of the four.

        Returns
        -------
        frozenset of str
            File names; the same at every weight.
        """
        names, has_video = self._evaluation_clips
        if split != "all":
            wanted = has_video == (split != "video_unavailable")
            names = names[wanted]
        return frozenset(names.tolist())

    @functools.cached_property
    def _evaluation_clips(self):
        weight = self.report["inference_weight"][self.model]
        scores = self.scores("evaluation", weight)
        return np.array(scores.filenames), np.asarray(scores.has_video)


def read_runs(jobs, model="student"):
    """The runs that are done; without those whose record is broken.

    Arguments
    ---------
    jobs : list of Job
        All runs of an experiment.
    model : str
        "student" or "teacher".

    Returns
    -------
    list of Run
    """
    runs = []
    for job in sorted_out(jobs)[0]:
        path = os.path.join(job.folder, "report.json")
        with open(path, "rb") as file:
            content = file.read()
        mark = hashlib.sha256(content).hexdigest()
        runs.append(Run(job, json.loads(content), mark, model))
    return runs


def figures_at(run, weight):
    """The five figures of a run in every split, at a weight of the sound.

    Arguments
    ---------
    run : Run
        A finished run.
    weight : float
        Weight of the sound; 1 for a system of sound alone.

    Returns
    -------
    figures : dict
        [split][metric] fractions or None.
    parameters : dict
        Metric -> ClassParameters, tuned at this weight.
    """
    report = run.report
    if round(report["inference_weight"][run.model] - weight, 4) == 0:
        figures = report["metrics"][run.model]
        parameters = report["tuned_parameters"][run.model]
    else:
        found = _measured_again(run, weight)
        figures, parameters = found["figures"], found["parameters"]
    return figures, {
        metric: ClassParameters.from_dict(values)
        for metric, values in parameters.items()
    }


def _measured_again(run, weight):
    """Tuned and measured from the stored scores; kept beside them."""
    name = f"{run.model}_weight_{weight:.4f}.json"
    path = os.path.join(run.folder, name)
    if os.path.isfile(path):
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found["mark"] == run.mark:
            return found
    parameters = tune(run.scores("validation", weight), run.truth("validation"))
    splits = evaluate_splits(
        run.scores("evaluation", weight),
        None if weight == 1 else run.scores("evaluation", 1.0),
        run.truth("evaluation"),
        parameters,
    )
    found = {
        "mark": run.mark,
        "figures": {
            split: {
                metric: splits[split].figures()[metric]["value"]
                for metric in METRICS
            }
            for split in SPLITS
        },
        "parameters": {
            metric: values.to_dict() for metric, values in parameters.items()
        },
    }
    write_json(path, found)
    return found
