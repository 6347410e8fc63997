"""What follows a training, tried before it: nothing fails only at the end.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata
import tempfile

import ruamel.yaml

from speechbrain_mmsed.evaluation.metrics.f1 import segment_metrics
from speechbrain_mmsed.evaluation.metrics.psds import quiet
from speechbrain_mmsed.evaluation.reports import report_files
from speechbrain_mmsed.evaluation.reports.charts import new_canvas, save
from speechbrain_mmsed.evaluation.reports.documents import check_templates
from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.inference.export_yaml import detector_yaml
from speechbrain_mmsed.problems import need_metrics

# Loaded when figures are computed.
LATE = ("psds_eval", "sed_eval")


class RehearsalError(ClearError):
    """Something that follows a training cannot run here."""


def rehearse(resolved_yaml):
    """Tries what report and export will need; returns nothing.

    Imports and versions of the libraries that compute figures, templates, a
    picture where pictures can be drawn, and the yaml of the detector.

    Arguments
    ---------
    resolved_yaml : str
        The run's yaml, references filled in.

    Raises
    ------
    RehearsalError
        With what failed, and of which step.

    Example
    -------
    >>> rehearse("export: null")
    """
    for step, trial in (
        ("the figures", _import_late),
        ("the report", check_templates),
        ("its pictures", _draw),
        ("the detector", lambda: _export(resolved_yaml)),
    ):
        try:
            trial()
        except Exception as error:  # of any library
            text = " ".join(f"{type(error).__name__}: {error}".split())
            raise RehearsalError(
                f"{step} could not be made after the training ({text[:300]}): "
                "put that right first"
            ) from error


def _import_late():
    """Libraries, and their versions, which figures carry."""
    need_metrics()
    segment_metrics(["any"])
    with quiet():
        for name in LATE:
            importlib.metadata.version(name)


def _draw():
    """An empty picture, if there is what draws."""
    if report_files.has_matplotlib():
        with tempfile.TemporaryDirectory() as folder:
            save(new_canvas(1, 1)[0], folder, "trial.png")


def _export(resolved_yaml):
    """The yaml of a detector without streams, if one is wanted."""
    if ruamel.yaml.YAML().load(resolved_yaml)["export"] is not None:
        detector_yaml(resolved_yaml, [])
