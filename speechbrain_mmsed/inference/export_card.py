"""The model card of a detector folder.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.dataio.streams.records import fingerprint

METRICS = ("cbf1", "sbf1", "ebf1", "psds1", "psds2")

CARD = """\
# Sound event detector

Finds sound events in recordings of any length, with or without video.
Trained by the DESED recipe of `speechbrain_mmsed`.

```python
from speechbrain_mmsed.inference import SoundEventDetector

detector = SoundEventDetector.from_hparams(source="{folder}")
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


def model_card(report, models, descriptions):
    """The text.

    Arguments
    ---------
    report : dict
        Content of report.json.
    models : list of str
        Exported models.
    descriptions : list of dict
        For each stream its name and `stream.json`.

    Returns
    -------
    str
        Markdown.
    """
    record = report["metadata"]
    return CARD.format(
        folder="<this folder>",
        labels=", ".join(report["class_labels"]),
        streams=_streams(descriptions),
        figures="\n\n".join(_figures(report, model) for model in models),
        data=_data(report["counts"]["subsets"]),
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


def _data(subsets):
    return "\n".join(
        f"| {name} | {counts['clips']} | {counts['events']} |"
        for name, counts in subsets.items()
    )


def _untuned(parameters):
    untuned = {
        label
        for values in parameters.values()
        for label, tuned in zip(values["labels"], values["tuned"], strict=True)
        if not tuned
    }
    return ", ".join(sorted(untuned)) or "none"
