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

from speechbrain_mmsed.dataio.streams.identity import fingerprint
from speechbrain_mmsed.files import write_json, write_text
from speechbrain_mmsed.inference.export_trial import (
    METRICS,
    try_detector,
    untuned_report,
)
from speechbrain_mmsed.inference.export_yaml import detector_yaml
from speechbrain_mmsed.lobes.visual.weights import file_sha256
from speechbrain_mmsed.postprocessing.box_parameters import boxes_of

EVENTS = {
    "median": "a threshold and a median filter, with their mean score",
    "boxes": "sound event bounding boxes, with a confidence each",
}

SAME_CLIPS = "These are the same clips: other recordings will fare worse."

CARD = """\
---
library_name: speechbrain
pipeline_tag: audio-classification
tags: [sound-event-detection, speechbrain_mmsed]
---

# Sound event detector

Finds sound events in recordings of any length, with or without video.
Trained on {data_folder} by a recipe of `speechbrain_mmsed`; see Data below.

```python
from speechbrain_mmsed.inference import SoundEventDetector

detector = SoundEventDetector.from_hparams(source="<this folder>")
print(detector.detect_file("recording.mp4"))
```

`mmsed detect recording.mp4 --model <this folder>` does the same; of a copy on
huggingface.co, `--model hf:<owner>/<name>`.

## Classes

{labels}

## Streams

{streams}

## Figures

In %, on the evaluation set of the run: micro F1 of clips (CBF1) and of 1 s
segments (SBF1), macro F1 of events (EBF1), PSDS of two scenarios. Thresholds,
windows and the weight of the sound were chosen on the run's validation set.
Events are made by {events}.
{caution}

{figures}

## Data

| subset | clips | events |
|---|---|---|
{data}

Training data: {data_folder}, {steps} steps, seed {seed}.

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
        if tuned and postprocessing == "boxes" and not values["boxes"]:
            raise ValueError(
                f"{folder}: the report has no boxes of {name}, which the "
                "detector shall use; evaluate with postprocessing: both"
            )
        values["default"] = postprocessing if tuned else "median"
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
            ("README.md", _model_card(report, chosen, descriptions)),
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
    os.makedirs(mark)
    try:
        yield mark
        if os.path.isdir(folder):
            os.rename(folder, f"{mark}.old")
        os.rename(mark, folder)
    finally:
        shutil.rmtree(mark, ignore_errors=True)
        shutil.rmtree(f"{mark}.old", ignore_errors=True)


def tuned_of(report, name):
    """What postprocessing.json holds of a model; its boxes may be none."""
    tuned = report["tuned_parameters"]
    boxes = tuned.get(boxes_of(name), {}).items()
    return {
        "primary_weight": report["inference_weight"][name],
        "parameters": tuned[name],
        # A clip's labels have none.
        "boxes": {metric: of for metric, of in boxes if metric != "cbf1"},
    }


def _model_card(report, models, descriptions):
    """The Markdown text; `models` and `descriptions` as in the folder."""
    record, first = report["metadata"], next(iter(models))
    return CARD.format(
        labels=", ".join(report["class_labels"]),
        streams=_streams(descriptions),
        caution=SAME_CLIPS if report.get("same_clips") else "",
        figures="\n\n".join(
            _figures(report, name)
            for model in models
            for name in (model, boxes_of(model))
            if name in report["metrics"]
        )
        or "Not evaluated yet.",
        data="\n".join(
            f"| {name} | {counts['clips']} | {counts['events']} |"
            for name, counts in report["counts"]["subsets"].items()
        ),
        data_folder=_trained_on(record),
        steps=record.get("training_steps", "unknown"),
        seed=record.get("seed", "unknown"),
        untuned=_untuned(report["tuned_parameters"][first]),
        events=EVENTS[models[first]["default"]],
        clip_seconds=record.get("clip_seconds", 10.0),
        versions=", ".join(
            f"{name} {version}"
            for name, version in sorted(report["libraries"].items())
        ),
    )


def _trained_on(record):
    """Name of the training data; what is above its folder is nobody's."""
    folder = os.path.abspath(record.get("data_folder") or "")
    name = os.path.basename(folder) if record.get("data_folder") else ""
    return f"`{name}`" if name else "data that were not recorded"


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
