"""`mmsed evaluate`: the figures of any system from its files.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
import os
import pathlib

from speechbrain_mmsed.cli.arguments import (
    UsageError,
    add_command,
    add_options,
    checked,
)

DESCRIPTION = """\
Evaluates sound event detection: clip-, segment- and event-based F1, PSDS1 and
PSDS2, by the official libraries, of any system whose scores or events are on
disk. Writes report.html (one page with pictures), report.md, report.json.

Predictions are told apart by their content:
  npz        scores of this package: one file, or a folder of weight_<w>.npz
             (<scores_folder>/<model>/<subset> of a training)
  score-tsv  a folder with one tab-separated table of scores for each clip,
             named after it: columns onset, offset, one for each class (the
             layout of sed_scores_eval, as ATST-SED and the DCASE baselines
             write it); frames may differ in length, as boxes do
  event-tsv  a folder with one table of events for each operating point:
             columns filename, onset, offset, event_label. PSDS only, and F1
             of --operating-point
"""

TUNING = """\
With validation data thresholds and median windows, or the settings of boxes,
are tuned there, for each class and metric. Without, every figure has
--threshold and --window (0.5 and no filter if not given) and is labelled as
untuned."""

VALIDATION = [
    f"validation_{what}"
    for what in ("predictions", "ground_truth", "durations")
]
# Options that mean nothing for a form of predictions.
MEANINGLESS = {
    "npz": ["operating_point", "end_tolerance"],
    "score-tsv": ["operating_point", "weight"],
    "event-tsv": VALIDATION
    + ["threshold", "window", "end_tolerance", "weight"]
    + ["ignored_predictions", "postprocessing"],
}

# Every option with what follows it, and its help text.
GENERAL = {
    "--predictions DIR": "see above",
    "--ground-truth TSV": "columns filename, onset, offset, event_label; a "
    "clip without events has no row, or one with the rest empty",
    "--durations TSV": "filename, duration (seconds): the clips to evaluate",
    "--out DIR": "gets the report",
    "--format": "form of the predictions, instead of recognising it",
    "--labels LABEL": "class labels, or one file with a label a line; else "
    "those of the scores, or of the ground truth where there are events only",
    "--name": "what the report calls the system",
    "--operating-point POINT": "event-tsv: the table F1 is counted for (its "
    "name, the threshold in its name, or the path of a further table)",
    "--end-tolerance SECONDS": "score-tsv: how far from its clip's end a "
    "table may end (two frames)",
    "--intervals": "95%% intervals of every figure, by resampling clips",
    "--audio DIR": "sounds or films of the clips, for pictures of single clips",
    "--no-pictures": "figures and tables only",
}
POST_PROCESSING = {
    "--postprocessing": "events from a median filter and a threshold on frames "
    "(if not given), or sound event bounding boxes with a confidence each, in "
    "a row NAME, boxes: F1 at a tuned confidence, PSDS over all",
    "--validation-predictions DIR": "scores to tune with",
    "--validation-ground-truth TSV": "their reference",
    "--validation-durations TSV": "their durations",
    "--threshold": "for every class: active where the score is larger",
    "--window FRAMES": "median window for every class, an odd number of frames",
}
VIDEO = {
    "--video FILE": "clips that have video: a list, or columns filename and "
    "has_video (1 or 0); npz files know it themselves",
    "--ignored-predictions DIR": "scores of the same system, video ignored",
    "--weight": "npz: evaluate weight_<w>.npz; otherwise the weight with the "
    "best event-based F1 on validation",
}


def weight(text):
    """Fusion weights, as in a file's name or parted by commas."""
    if text == "gated":
        return text
    parts = tuple(map(float, text.replace("_", ",").split(",")))
    return parts if len(parts) > 1 else parts[0]


REQUIRED = ("--predictions", "--ground-truth", "--durations", "--out")
# What argparse is told of an option besides.
SETTINGS = {
    **dict.fromkeys(REQUIRED, {"required": True}),
    "--format": {"choices": list(MEANINGLESS)},
    "--labels": {"nargs": "+"},
    "--name": {"default": "system"},
    "--end-tolerance": {
        "type": checked(float, lambda n: 0 <= n < math.inf, "seconds >= 0")
    },
    "--intervals": {"action": "store_true"},
    "--no-pictures": {"action": "store_false", "dest": "pictures"},
    "--threshold": {
        "type": checked(float, lambda n: 0 <= n < 1, "0 to below 1")
    },
    "--window": {
        "type": checked(
            int, lambda n: n > 0 and n % 2, "an odd number of frames"
        )
    },
    "--weight": {"type": weight},
    "--postprocessing": {"choices": ["median", "boxes", "both"]},
}


def add_parser(commands):
    """Describes the command."""
    parser = add_command(
        commands,
        "evaluate",
        help="figures of any system from its scores or events",
        description=DESCRIPTION,
    )
    tuning = parser.add_argument_group("post-processing", TUNING)
    video = parser.add_argument_group("availability of video")
    add_options(parser, GENERAL, SETTINGS)
    add_options(tuning, POST_PROCESSING, SETTINGS)
    add_options(video, VIDEO, SETTINGS)
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command; 0."""
    from speechbrain_mmsed.evaluation.metrics import scored
    from speechbrain_mmsed.evaluation.readers.tables import recognise
    from speechbrain_mmsed.evaluation.system.report import evaluate_system
    from speechbrain_mmsed.files import ClearError
    from speechbrain_mmsed.problems import need_metrics

    try:
        need_metrics()
        form = arguments.format or recognise(arguments.predictions)
        for problem in _problems(arguments, form):
            raise UsageError(problem)
        # Now that those that were given are known.
        if arguments.threshold is None:
            arguments.threshold = scored.DEFAULT_THRESHOLD
        if arguments.window is None:
            arguments.window = scored.DEFAULT_WINDOW
        arguments.postprocessing = arguments.postprocessing or "median"
        _make_folder(pathlib.Path(arguments.out))
        evaluate_system(arguments, form)
    except (ClearError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0


def _make_folder(out):
    """The folder of the report, before the work."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: a file; expected a folder")
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: no permission to write there")


def _problems(arguments, form):
    """Yields why options mean nothing for the form, or with each other."""
    options = {n: f"--{n.replace('_', '-')}" for n in vars(arguments)}
    # 0 is a value, and False an option that was not used.
    given = {
        name: options[name]
        for name, value in vars(arguments).items()
        if value is not None and value is not False
    }
    validation = [given[name] for name in VALIDATION if name in given]
    absent = [options[name] for name in VALIDATION if name not in given]
    if validation and absent:
        yield f"{validation[0]} needs {' and '.join(absent)} as well"
    for name in ("threshold", "window"):
        if validation and name in given:
            yield (
                f"{given[name]} and validation data: either the value is given "
                "or it is tuned"
            )
    if not validation and arguments.postprocessing in ("boxes", "both"):
        yield (
            f"--postprocessing {arguments.postprocessing} needs validation "
            f"data, on which boxes are tuned: {', '.join(absent)}"
        )
    no_f1 = form == "event-tsv" and not arguments.operating_point
    if no_f1 and arguments.intervals:
        yield (
            "--intervals needs --operating-point: without scores there are "
            "intervals of F1 only, and F1 needs one table of events"
        )
    for name in MEANINGLESS[form]:
        if name in given:
            yield (
                f"{given[name]} has no meaning for predictions of the form "
                f"{form}; leave it out"
            )
