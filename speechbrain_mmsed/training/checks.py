"""Sizes that a yaml states twice must agree before the first batch.

HyperPyYAML builds the network before any data are prepared, so sizes stand
in the yaml and are checked here instead of being read from the data.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.training.hparams import HparamsError


def check_sizes(hparams):
    """Stops where the yaml's sizes would train something else.

    Arguments
    ---------
    hparams : dict
        The loaded yaml of the recipe.

    Raises
    ------
    HparamsError
        Naming the key, its value and what was expected.
    """
    labels, n_classes = hparams["class_labels"], hparams["n_classes"]
    expect(
        len(labels) == n_classes == len(set(labels)),
        f"n_classes is {n_classes}, but class_labels has {len(labels)} "
        f"labels ({len(set(labels))} different): make them equal",
    )
    rate = hparams["frontend"].settings()["sample_rate"]
    expect(
        hparams["sample_rate"] == rate,
        f"sample_rate is {hparams['sample_rate']}, but the front end is made "
        f"for {rate}",
    )
    for name in hparams["streams"]:
        expect(
            name in hparams["stream_widths"],
            f"stream '{name}' has no width: add it to stream_widths "
            f"(known: {', '.join(hparams['stream_widths'])})",
        )
    expect(
        len(set(hparams["streams"])) == len(hparams["streams"]),
        f"streams {hparams['streams']} names one twice",
    )
    for weight in [*hparams["inference_weights"], hparams["validation_weight"]]:
        expect(
            0.0 < weight <= 1.0,
            f"weight {weight} of the sound must be in (0, 1]",
        )
    check_output_length(hparams)


def check_output_length(hparams):
    """Runs one silent clip through front end and extractor.

    Arguments
    ---------
    hparams : dict
        The loaded yaml of the recipe.

    Raises
    ------
    HparamsError
        If the number of frames is not what the labels are made for, or they
        do not cover a clip.
    """
    frontend, extractor = hparams["frontend"], hparams["extractor"]
    training = extractor.training
    with torch.no_grad():
        silence = torch.zeros(1, frontend.n_samples)
        frames = extractor.eval()(frontend(silence)).shape[1]
    extractor.train(training)
    expect(
        frames == hparams["n_frames"],
        f"n_frames is {hparams['n_frames']}, but the extractor gives "
        f"{frames} frames for a clip of {hparams['clip_seconds']} s",
    )
    seconds = frames * hparams["frame_hop"]
    expect(
        seconds >= hparams["clip_seconds"],
        f"{frames} frames of {hparams['frame_hop']:g} s end at {seconds:g} s, "
        f"but a clip has {hparams['clip_seconds']} s: the rest would be "
        f"thrown away; raise n_frames here and in the front end, or hop_length",
    )
    expect(
        extractor.time_reduction == hparams["time_pooling"],
        f"time_pooling is {hparams['time_pooling']}, but the extractor pools "
        f"{extractor.time_reduction} frames into one: labels would not fit",
    )


def expect(condition, message):
    """Raises an HparamsError with a message unless a condition holds.

    Arguments
    ---------
    condition : bool
        What must hold.
    message : str
        What is wrong, with names and values.

    Raises
    ------
    HparamsError
        If the condition does not hold.
    """
    if not condition:
        raise HparamsError(f"yaml: {message}.")
