"""A detector before its run is evaluated, and the trial of a finished one.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import ruamel.yaml

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.inference.detector import SoundEventDetector
from speechbrain_mmsed.nnet.fusion_settings import fusion_from_setting
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.training.scoring import inference_weights

METRICS = ("cbf1", "sbf1", "ebf1", "psds1", "psds2")


def untuned_report(resolved_yaml, models):
    """As much of a report as a detector needs before it is evaluated.

    Thresholds 0.5, no filter, and the weight that validation had in training.
    `resolved_yaml` is the run's, `models` are names.
    """
    run = ruamel.yaml.YAML().load(resolved_yaml)
    labels, streams = list(run["class_labels"]), list(run["streams"])
    fusion = fusion_from_setting(run["fusion"], streams)
    (weight,) = inference_weights(streams, [run["validation_weight"]], fusion)
    n = len(labels)
    parameters = ClassParameters(labels, [0.5] * n, [1] * n, [False] * n)
    parameters = dict.fromkeys(METRICS, parameters.to_dict())
    return {
        "class_labels": labels,
        "inference_weight": dict.fromkeys(models, weight),
        "tuned_parameters": dict.fromkeys(models, parameters),
        "metrics": {},
        "counts": {"subsets": {}},
        "libraries": {},
        "metadata": {},
    }


def try_detector(folder, manifest):
    """Detects in the first clip of a manifest; what came of it, in words.

    By its sound alone: that of the other streams may ask for weights.
    """
    clip = next(iter(read_manifest(manifest).values()))
    detector = SoundEventDetector.from_hparams(
        source=folder, run_opts={"device": "cpu"}
    )
    found = detector.detect_file(clip["wav"], primary_weight=1.0)
    return f"tried on {clip['filename']}: {len(found.events)} events"
