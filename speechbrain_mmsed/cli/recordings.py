"""What `mmsed detect` and `mmsed tag` are given: recordings and a model.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import sys

from speechbrain_mmsed.cli.arguments import UsageError


def say(text):
    """A line for people, apart from results on the standard output."""
    print(text, file=sys.stderr, flush=True)


def open_all(arguments):
    """The recordings and the detector, the cheap checks first.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of a parser by `add_recordings_parser`.

    Returns
    -------
    inputs : Inputs
        The recordings.
    detector : SoundEventDetector
        Loaded.
    model : str
        Its folder.

    Raises
    ------
    UsageError
        If a recording does not exist or the model cannot be used.
    """
    model = _find_model(arguments.model)
    if arguments.out and os.path.isfile(arguments.out):
        raise UsageError(f"--out {arguments.out} is a file, expected a folder")
    # Before torch is loaded: threads of the network that have nothing to do
    # give their processor to those that decode, instead of waiting in a
    # loop. On a busy machine this was five times as fast.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from speechbrain_mmsed.inference import DetectionError
    from speechbrain_mmsed.inference.folders.inputs import collect

    try:
        inputs = collect(arguments.recordings)
    except (DetectionError, OSError) as error:
        raise UsageError(str(error)) from error
    detector = _load(model, arguments.device)
    streams = ", ".join(["sound", *detector.streams])
    say(f"model: {model}, {len(detector.labels)} classes, from {streams}")
    if arguments.primary_weight != 1:
        _check_streams(detector, inputs)
    return inputs, detector, model


def _find_model(folder):
    """The detector folder that is meant: it, or the folder it is in.

    Nothing is looked for on the network.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"--model {folder}: no such folder")
    for candidate in (folder, os.path.join(folder, "detector")):
        if os.path.isfile(os.path.join(candidate, "postprocessing.json")):
            return candidate
    raise UsageError(
        f"--model {folder}: no detector folder (there is no "
        f"postprocessing.json in it); expected the folder `detector` that "
        f"training writes into its output folder"
    )


def _check_streams(detector, inputs):
    """Says before the first recording if films cannot be used."""
    from speechbrain_mmsed.inference import DetectionError
    from speechbrain_mmsed.inference.streams import film_of

    if all(film_of(file.path) is None for file in inputs.files):
        return
    for name in detector.streams:
        try:
            _, reason = detector.setup.embedders.get(name)
        except DetectionError as error:
            raise UsageError(str(error)) from error
        if reason:
            say(
                f"warning: films are not used for {name}: {reason}. Extract "
                f"the stream with this version, or install what is missing, "
                f"and repeat the training's command, which exports the model "
                f"again"
            )


def _load(model, device):
    """The detector, or one line that says why there is none."""
    import torch

    import speechbrain_mmsed
    from speechbrain_mmsed.inference import DetectionError, SoundEventDetector

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).strip().split("\n")[0]
        raise UsageError(
            f"--device {device} cannot be used: {first}"
        ) from error
    try:
        return SoundEventDetector.from_hparams(
            source=model, run_opts={"device": device}
        )
    except (DetectionError, OSError) as error:
        raise UsageError(str(error)) from error
    except (ValueError, RuntimeError, ImportError) as error:
        raise UsageError(
            f"--model {model} cannot be loaded: {error}. If another version "
            f"of speechbrain_mmsed exported it (this is "
            f"{speechbrain_mmsed.__version__}), repeat the training's command: "
            f"a finished training is not repeated, but exported again"
        ) from error
