"""Figures of finished runs, at the weights that an experiment has chosen.

A run measures itself at the weight that its own validation clips chose. In a
search one pair of training and inference weight is chosen for all seeds of a
system: that with the best mean event-based F1 on the validation set (section
3.2.2). Runs that chose another are then measured again, from the scores that
they have stored.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import functools
import hashlib
import os
from dataclasses import dataclass, field

import numpy as np

from speechbrain_mmsed.evaluation.evaluate import (
    SPLITS,
    EvaluatedSystem,
    evaluate_splits,
)
from speechbrain_mmsed.evaluation.metrics.scored import load_scores
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.tuning import tune
from speechbrain_mmsed.files import DamagedFileError, read_json, write_json
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from sweep.jobs import sorted_out
from sweep.paper import METRICS
from sweep.plan import PlanError

# What a report has by the name of each model.
OF_A_MODEL = ("validation_ebf1", "metrics", "tuned_parameters")


@dataclass
class Run:
    """A finished run."""

    job: object
    report: dict  # content of report.json
    mark: str  # changes when the run is scored again
    model: str = "student"  # or "teacher"

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
        """GroundTruth of "validation" or "evaluation"."""
        default = os.path.join(self.job.folder, "prepared")
        prepared = self.overrides.get("prepared_folder", default)
        folder = os.path.join(prepared, "ground_truth")
        labels = self.report["class_labels"]
        return GroundTruth.load_subset(folder, subset, labels)

    def scores(self, subset, weight):
        """Stored ClipScores of a subset at a weight of the sound."""
        default = os.path.join(self.job.folder, "scores")
        scores = self.overrides.get("scores_folder", default)
        folder = os.path.join(scores, self.model, subset)
        return load_scores(folder, weight, self.report["class_labels"])

    def clips(self, split):
        """File names of a split of the evaluation set; of every weight."""
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
    """The jobs that are done, as runs; not those with a broken record."""
    runs = []
    for job in sorted_out(jobs)[0]:
        path = os.path.join(job.folder, "report.json")
        with open(path, "rb") as file:
            content = file.read()
        mark = hashlib.sha256(content).hexdigest()
        runs.append(Run(job, _read_report(path, model), mark, model))
    return runs


def _read_report(path, model):
    """The content of a report.json that has what is asked of it here."""
    report = read_json(path)
    try:
        for key in OF_A_MODEL:
            dict(report[key][model])
        report["metadata"]["training_steps"], report["metadata"]["git_revision"]
        dict(report["counts"]["subsets"])
        report["class_labels"][0]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedFileError(
            f"{path} is not the whole report of a training with a {model} "
            f"({error!r:.99}); remove it to run that training again"
        ) from error
    return report


def figures_at(run, weight):
    """The five figures of a run at a weight of the sound.

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
    # One that is damaged is made again.
    with contextlib.suppress(FileNotFoundError, DamagedFileError):
        found = read_json(path)
        if found.get("mark") == run.mark:
            return found
    parameters = tune(run.scores("validation", weight), run.truth("validation"))
    scores = run.scores("evaluation", weight)
    system = EvaluatedSystem(
        scores=scores,
        ignored=None if weight == 1 else run.scores("evaluation", 1.0),
        has_video=scores.video(),
        parameters=parameters,
    )
    splits = evaluate_splits(system, run.truth("evaluation"))
    figures = {split: splits[split].figures() for split in SPLITS}
    found = {
        "mark": run.mark,
        "figures": {
            split: {metric: of[metric]["value"] for metric in METRICS}
            for split, of in figures.items()
        },
        "parameters": {
            metric: values.to_dict() for metric, values in parameters.items()
        },
    }
    write_json(path, found)
    return found


@dataclass
class Choice:
    """What was chosen for a system."""

    configuration: object
    weight: float  # of the sound in scoring
    runs: list  # finished ones of the configuration
    tried: dict = field(default_factory=dict)  # pair -> mean F1, runs
    n_missing: int = 0  # configurations without some runs, if several


def choose(system, runs, jobs=()):
    """The best pair of weights of a System among its finished runs.

    Pairs are compared on the seeds that all configurations have, so that a
    search that is not over compares like with like; on all of each where no
    seed is shared. Of equal pairs the one with the larger inference weight,
    then the larger training weight, is taken.

    Arguments
    ---------
    system, runs, jobs : System, list of Run, list of Job
        Runs that are done, and all jobs of the experiment, of any system.

    Returns
    -------
    Choice or None
        None where the system has no finished run.
    """
    tried, by_configuration, n_missing = {}, {}, 0
    for configuration in system.configurations():
        own = [run for run in runs if run.job.configuration == configuration]
        planned = sum(job.configuration == configuration for job in jobs)
        n_missing += len(own) < max(planned, 1)
        if own:
            by_configuration[configuration] = own
    if not by_configuration:
        return None
    seeds = [{run.job.seed for run in own} for own in by_configuration.values()]
    shared = set.intersection(*seeds)
    for configuration, own in by_configuration.items():
        compared = [run for run in own if run.job.seed in shared] or own
        for weight in system.inference or (1.0,):
            f1 = np.mean([_validation_f1(run, weight) for run in compared])
            tried[configuration, float(weight)] = float(f1), len(compared)

    def rank(pair):
        training = pair[0].training
        number = training if isinstance(training, int | float) else 0.0
        return tried[pair][0], pair[1], number

    configuration, weight = max(tried, key=rank)
    has_choice = len(system.training) > 1 or len(system.inference) > 1
    return Choice(
        configuration,
        weight,
        by_configuration[configuration],
        {(c.training, w): result for (c, w), result in tried.items()},
        n_missing if has_choice else 0,
    )


def _validation_f1(run, weight):
    """Of a run at a weight; below all others where it is not defined."""
    known = run.validation_f1
    # Reports name weights with four decimals.
    weight = round(float(weight), 4)
    if weight not in known:
        raise PlanError(
            f"{run.job.folder}: its report has no validation F1 at the weight "
            f"{weight:g} of the plan, only at {sorted(known)}; take the weight "
            "out of the plan, or remove that run to train it again"
        )
    return -1.0 if known[weight] is None else known[weight]
