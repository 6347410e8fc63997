"""Writes the folder from which a detector is loaded, with its model card.

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

from speechbrain_mmsed.dataio.streams.records import fingerprint
from speechbrain_mmsed.files import write_json, write_text
from speechbrain_mmsed.inference.export_yaml import detector_yaml
from speechbrain_mmsed.lobes.visual.weights import file_sha256

METRICS = ("cbf1", "sbf1", "ebf1", "psds1", "psds2")

CARD = """\
# Sound event detector

Finds sound events in recordings of any length, with or without video.
Trained by the DESED recipe of `speechbrain_mmsed`.

```python
from speechbrain_mmsed.inference import SoundEventDetector

detector = SoundEventDetector.from_hparams(source="<this folder>")
print(detector.detect_file("recording.mp4").events)
```

## Classes

{labels}

## Streams

{streams}

## Figures

In %, on the evaluation set of the run: micro F1 of clips (CBF1) and of 1 s
segments (SBF1), macro F1 of events (EBF1), PSDS of two scenarios. Thresholds,
windows and the weight of the sound were chosen on the run's validation set.

{figures}

## Data

| subset | clips | events |
|---|---|---|
{data}

Training data: `{data_folder}`, {steps} steps, seed {seed}.

## Limits

- Only the classes above are known. A class without an event in the
  validation set has default thresholds; here: {untuned}.
- The training clips were {clip_seconds:g} s long, and each was scaled to its
  peak: the level of a sound says nothing to the network.
- Figures hold for recordings like those of the evaluation set.

## Versions

{versions}

## Licence

The code is under Apache-2.0. The weights come from the training data above:
their licence decides on what may be done with the weights.
"""


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
    with _whole_folder(folder) as temporary:
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
            ("README.md", _model_card(report, list(models), descriptions)),
        ):
            write_text(os.path.join(temporary, name), text)
        hashes = {
            name: file_sha256(os.path.join(temporary, name))
            for name in sorted(os.listdir(temporary))
        }
        write_json(os.path.join(temporary, "files.json"), hashes)
    return folder


@contextlib.contextmanager
def _whole_folder(folder):
    """An empty folder that takes its place if the block ends well."""
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


def _model_card(report, models, descriptions):
    """The Markdown text, of a report, names of models and streams.json."""
    record = report["metadata"]
    return CARD.format(
        labels=", ".join(report["class_labels"]),
        streams=_streams(descriptions),
        figures="\n\n".join(_figures(report, model) for model in models),
        data="\n".join(
            f"| {name} | {counts['clips']} | {counts['events']} |"
            for name, counts in report["counts"]["subsets"].items()
        ),
        data_folder=record.get("data_folder", "not recorded"),
        steps=record.get("training_steps", "unknown"),
        seed=record.get("seed", "unknown"),
        untuned=_untuned(report["tuned_parameters"][models[0]]),
        clip_seconds=record.get("clip_seconds", 10.0),
        versions=", ".join(
            f"{name} {version}"
            for name, version in sorted(report["libraries"].items())
        ),
    )


def _streams(descriptions):
    """A line for the sound and for each stream."""
    lines = ["- sound (log-mel)"]
    for d in descriptions:
        digest = (d.get("weights_sha256") or "none")[:12]
        lines.append(
            f"- {d['name']}: {d['network']}; {d['preprocessing']}; "
            f"{d['width']} values; weights sha256 {digest}; fingerprint "
            f"{fingerprint(d)}"
        )
    return "\n".join(lines)


def _figures(report, model):
    """A table of a model's figures in %."""
    splits = report["metrics"][model]
    lines = [
        f"| {model} | " + " | ".join(name.upper() for name in METRICS) + " |",
        "|---" * (1 + len(METRICS)) + "|",
    ]
    for split, figures in splits.items():
        cells = (
            "-" if figures[name] is None else f"{100 * figures[name]:.1f}"
            for name in METRICS
        )
        lines.append(f"| {split.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _untuned(parameters):
    """Classes with a default threshold or window, for a sentence."""
    untuned = {
        label
        for values in parameters.values()
        for label, tuned in zip(values["labels"], values["tuned"], strict=True)
        if not tuned
    }
    return ", ".join(sorted(untuned)) or "none"
