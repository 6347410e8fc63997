"""What commands have in common: arguments, recordings and a model.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import os
import sys

EXIT = """\
exit code: 0 all recordings done, 1 some failed (the others are done, the
summary says why), 2 nothing was begun or results could not be written."""


# Options of the commands that listen; see `add_options`.
RECORDINGS = {
    "recordings FILE_OR_FOLDER": "sounds or films with sound, of any "
    "length; of a folder, and of those in it, all that have a suffix of sounds "
    "or films",
    "--out DIR": "write results there; a call that was interrupted resumes "
    "where it stopped",
    "--primary-weight W": "weight of the sound, above 0 and at most 1; 1 "
    "ignores the film (default: what training chose on validation)",
    "--jobs N": "processes, each with a model of its own, for thousands of "
    "recordings and many processors; only with --out. One process uses "
    "several processors already (1)",
}
MODEL = {
    "--model MODEL": "detector folder that a training wrote "
    "(<output_folder>/detector), or the training's output folder; yamnet "
    "or cnn14, published networks of some 520 classes that need no training; "
    "or hf:OWNER/NAME, a detector folder on huggingface.co",
    "--weights FILE": "of yamnet or cnn14: its published file (without this "
    "option a line says where it is)",
    "--map MAP": "of yamnet or cnn14: desed, for DESED's ten classes, or a "
    "table of two columns, AudioSet's class and yours (all its classes)",
    "--device": "where the network runs: auto, cpu, cuda, cuda:1, mps (auto: a "
    "GPU if there is one)",
    "--trust": "let the model's yaml build and run whatever it names, which "
    "may be anything: only for a folder whose author you know",
}
# The names of `inference.published.PUBLISHED`, which is loaded later.
NO_FOLDERS = ("yamnet", "cnn14")


class UsageError(Exception):
    """What the user can mend; the message is all that is printed."""


def add_command(commands, name, **texts):
    """The parser of a command; `texts` are argparse's help and others."""
    return commands.add_parser(
        name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )


def add_options(parser, options, settings):
    """Adds arguments to a parser or a group.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        Or a group of one.
    options : dict
        Each with what follows it ("--out DIR"), and its help text.
    settings : dict
        What argparse is told of some of them besides, by their names.

    Example
    -------
    >>> parser = argparse.ArgumentParser()
    >>> add_options(parser, {"--top N": "most"}, {"--top": {"type": int}})
    >>> parser.parse_args(["--top", "3"])
    Namespace(top=3)
    """
    for usage, text in options.items():
        name, *metavar = usage.split()
        how = {"help": text, **settings.get(name, {})}
        if metavar:
            how["metavar"] = metavar[0]
        parser.add_argument(name, **how)


def checked(kind, good, expected):
    """Reads a number and says what was expected if it is not good."""

    def number(text):
        value = kind(text)
        if not good(value):
            raise argparse.ArgumentTypeError(f"{text}: expected {expected}")
        return value

    return number


count = checked(int, lambda n: n > 0, "1 or more")
_weight = checked(float, lambda w: 0 < w <= 1, "a number above 0 and at most 1")


def add_recordings_parser(commands, name, **texts):
    """The parser of a command that listens to recordings.

    It has the arguments that all such commands have; `texts` are argparse's
    help, description and epilog.
    """
    parser = add_command(commands, name, **texts)
    settings = {
        "recordings": {"nargs": "+"},
        "--primary-weight": {"type": _weight},
        "--jobs": {"type": count, "default": 1},
    }
    add_options(parser, RECORDINGS, settings)
    add_model_options(parser)
    return parser


def add_model_options(parser):
    """Adds what says which model runs where."""
    settings = {
        "--model": {"required": True},
        "--device": {"default": "auto"},
        "--trust": {"action": "store_true"},
    }
    add_options(parser, MODEL, settings)


def say(text):
    """A line for people, apart from results on the standard output."""
    print(text, file=sys.stderr, flush=True)


def open_all(arguments):
    """The Inputs, the SoundEventDetector and its folder.

    The cheap checks come first. Raises a UsageError if a recording does not
    exist or the model cannot be used.
    """
    _find_model(arguments)
    if arguments.out and os.path.isfile(arguments.out):
        raise UsageError(f"--out {arguments.out} is a file, expected a folder")
    _before_torch()
    from speechbrain_mmsed.inference import DetectionError
    from speechbrain_mmsed.inference.folders.inputs import collect

    try:
        inputs = collect(arguments.recordings)
    except (DetectionError, OSError) as error:
        raise UsageError(str(error)) from error
    detector, model = load_model(arguments)
    streams = ", ".join(["sound", *detector.streams])
    say(f"model: {model}, {len(detector.labels)} classes, from {streams}")
    _check_streams(detector, inputs, arguments.primary_weight)
    return inputs, detector, model


def load_model(arguments):
    """The SoundEventDetector of the arguments, and its folder.

    Where it runs is put into the arguments for `auto`. Raises a UsageError
    if it cannot be used.
    """
    _find_model(arguments)
    _before_torch()
    import torch

    from speechbrain_mmsed.files import ClearError
    from speechbrain_mmsed.inference import load_detector
    from speechbrain_mmsed.launch import device_problem

    if arguments.device == "auto":
        gpu = torch.cuda.is_available()
        arguments.device = "cuda:0" if gpu else "cpu"
    if problem := device_problem(arguments.device):
        problem = problem.replace("expected", "expected auto,")
        raise UsageError(
            f"--device {arguments.device} cannot be used: {problem}"
        )
    try:
        detector = load_detector(
            *(arguments.model, arguments.device, arguments.trust),
            *(arguments.weights, arguments.map),
        )
    except (ClearError, OSError, ImportError) as error:
        raise UsageError(str(error)) from error
    return detector, arguments.model


def _before_torch():
    """Lets threads that have nothing to do give their processor to others.

    Those of the network would wait in a loop: on a busy machine, decoding was
    five times as fast with this.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _find_model(arguments):
    """Puts the detector folder that is meant into the arguments.

    It, or the folder it is in; what has another form stays.
    """
    folder = arguments.model
    if folder in NO_FOLDERS or folder.startswith("hf:"):
        return
    if not os.path.isdir(folder):
        raise UsageError(
            f"--model {folder}: no such folder; expected one, "
            f"{', '.join(NO_FOLDERS)} or hf:OWNER/NAME"
        )
    for candidate in (folder, os.path.join(folder, "detector")):
        if os.path.isfile(os.path.join(candidate, "postprocessing.json")):
            arguments.model = candidate
            return
    raise UsageError(
        f"--model {folder}: no detector folder (there is no "
        f"postprocessing.json in it); expected the folder `detector` that "
        f"training writes into its output folder"
    )


def unusable_streams(detector, primary_weight):
    """Stream -> why it cannot be made of recordings, empty if it can.

    Where even the description of a stream is wrong it is a DetectionError.
    """
    from speechbrain_mmsed.inference import DetectionError

    reasons = {}
    for name in detector.streams if primary_weight != 1 else ():
        try:
            reasons[name] = detector.setup.embedders.get(name)[1]
        except DetectionError as error:
            reasons[name] = error
    return reasons


def _check_streams(detector, inputs, primary_weight):
    """Says before the first recording if films or sound cannot be used."""
    from speechbrain_mmsed.inference.streams import film_of, needed

    sounds = all(film_of(file.path) is None for file in inputs.files)
    for name, reason in unusable_streams(detector, primary_weight).items():
        of_film = detector.kinds[name] == "film"
        if of_film and sounds:
            continue
        if isinstance(reason, Exception):
            raise UsageError(str(reason)) from reason
        if reason and not of_film:
            raise UsageError(needed(name, reason))
        if reason:
            say(
                f"warning: films are not used for {name}: {reason}. Extract "
                f"the stream with this version, or install what is missing, "
                f"and repeat the training's command, which exports the model "
                f"again"
            )
