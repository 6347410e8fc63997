"""The model card of an exported detector.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.dataio.streams.identity import fingerprint
from speechbrain_mmsed.evaluation.reports.report_tables import Table
from speechbrain_mmsed.inference.export_trial import METRICS
from speechbrain_mmsed.pages import markdown_text
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

Training data: {data_folder}, {steps} steps, seed {seed}. {learnt}

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


def model_card(report, models, descriptions):
    """The Markdown text; `models` and `descriptions` as in the folder."""
    record, first = report["metadata"], next(iter(models))
    return CARD.format(
        labels=markdown_text(", ".join(report["class_labels"])),
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
        learnt=_learnt(record),
        untuned=markdown_text(_untuned(report["tuned_parameters"][first])),
        events=EVENTS[models[first]["default"]],
        clip_seconds=record.get("clip_seconds", 10.0),
        versions=", ".join(
            markdown_text(f"{name} {version}")
            for name, version in sorted(report["libraries"].items())
        ),
    )


def _trained_on(record):
    """Name of the training data; what is above its folder is nobody's."""
    folder = os.path.abspath(record.get("data_folder") or "")
    name = os.path.basename(folder) if record.get("data_folder") else ""
    return markdown_text(name) or "data that were not recorded"


def _learnt(record):
    """Which labels taught what, for a sentence; empty if nobody noted it."""
    return " ".join(
        f"{head.capitalize()} were learnt from {of} clips."
        if of
        else f"{head.capitalize()} were never learnt: they mean nothing."
        for head, of in record.get("learnt_from", {}).items()
    )


def _streams(descriptions):
    """A line for the sound and for each stream."""
    lines = ["- sound (log-mel)"]
    for d in descriptions:
        digest = (d.get("weights_sha256") or "none")[:12]
        text = markdown_text(
            f"{d['name']}: {d['network']}; {d['preprocessing']}; "
            f"{d['width']} values; weights sha256 {digest}; fingerprint "
            f"{fingerprint(d)}"
        )
        lines.append(f"- {text}")
    return "\n".join(lines)


def _figures(report, model):
    """A table of a model's figures in %."""
    rows = []
    for split, figures in report["metrics"][model].items():
        values = [figures[name] for name in METRICS]
        cells = ["-" if v is None else f"{100 * v:.1f}" for v in values]
        rows.append([split.replace("_", " "), *cells])
    return str(Table([model, *map(str.upper, METRICS)], rows))


def _untuned(parameters):
    """Classes with a default threshold or window, for a sentence."""
    untuned = {
        label
        for values in parameters.values()
        for label, tuned in zip(values["labels"], values["tuned"], strict=True)
        if not tuned
    }
    return ", ".join(sorted(untuned)) or "none"
