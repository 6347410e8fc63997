"""`mmsed evaluate`: the figures of any system from its files.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import math

from speechbrain_mmsed.cli.arguments import UsageError

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
             write it); frames of one length
  event-tsv  a folder with one table of events for each operating point:
             columns filename, onset, offset, event_label. PSDS only, and F1
             of --operating-point
"""

TUNING = """\
With validation data thresholds and median windows are tuned there, for each
class and metric. Without, every figure has --threshold and --window (0.5 and
no filter if not given) and is labelled as untuned."""

VALIDATION = [
    f"validation_{what}"
    for what in ("predictions", "ground_truth", "durations")
]
# Options that mean nothing for a form of predictions.
MEANINGLESS = {
    "npz": ["operating_point", "end_tolerance"],
    "score-tsv": ["operating_point", "weight"],
    "event-tsv": VALIDATION
    + ["threshold", "window", "end_tolerance", "weight", "ignored_predictions"],
}


def add_parser(commands):
    """Describes the command."""
    parser = commands.add_parser(
        "evaluate",
        help="figures of any system from its scores or events",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data(parser)
    _add_tuning(parser)
    _add_video(parser)
    parser.add_argument(
        "--audio",
        metavar="DIR",
        help="sounds or films of the clips, for the pictures of single clips",
    )
    parser.add_argument(
        "--no-pictures",
        dest="pictures",
        action="store_false",
        help="figures and tables only",
    )
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command; 0."""
    from speechbrain_mmsed.evaluation.metrics.scored import (
        DEFAULT_THRESHOLD,
        DEFAULT_WINDOW,
    )
    from speechbrain_mmsed.evaluation.problems import PredictionError
    from speechbrain_mmsed.evaluation.readers.tables import recognise
    from speechbrain_mmsed.evaluation.system.report import evaluate_system

    try:
        form = arguments.format or recognise(arguments.predictions)
        _check_options(arguments, form)
        # Now that those that were given are known.
        if arguments.threshold is None:
            arguments.threshold = DEFAULT_THRESHOLD
        if arguments.window is None:
            arguments.window = DEFAULT_WINDOW
        evaluate_system(arguments, form)
    except (PredictionError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0


def _check_options(arguments, form):
    """Refuse options that the form, or each other, make meaningless."""
    # 0 is a value, and False an option that was not used.
    options = {n: f"--{n.replace('_', '-')}" for n in vars(arguments)}
    given = {
        name: option
        for name, option in options.items()
        if getattr(arguments, name) is not None
        and getattr(arguments, name) is not False
    }
    validation = [given[name] for name in VALIDATION if name in given]
    absent = [options[name] for name in VALIDATION if name not in given]
    if validation and absent:
        raise UsageError(
            f"{validation[0]} needs {' and '.join(absent)} as well"
        )
    fixed = [given[name] for name in ("threshold", "window") if name in given]
    if validation and fixed:
        raise UsageError(
            f"{fixed[0]} and validation data: either the value is given or it "
            "is tuned"
        )
    no_f1 = form == "event-tsv" and not arguments.operating_point
    if no_f1 and arguments.intervals:
        raise UsageError(
            "--intervals needs --operating-point: without scores there are "
            "intervals of F1 only, and F1 needs one table of events"
        )
    for name in MEANINGLESS[form]:
        if name in given:
            raise UsageError(
                f"{given[name]} has no meaning for predictions of the form "
                f"{form}; leave it out"
            )


def _add_data(parser):
    """What is evaluated."""
    add = parser.add_argument
    add("--predictions", required=True, metavar="DIR", help="see above")
    add(
        "--ground-truth",
        required=True,
        metavar="TSV",
        help="columns filename, onset, offset, event_label; a clip without "
        "events has no row, or one with the rest empty",
    )
    add(
        "--durations",
        required=True,
        metavar="TSV",
        help="columns filename, duration (seconds): the clips to evaluate",
    )
    add("--out", required=True, metavar="DIR", help="gets the report")
    add(
        "--format",
        choices=list(MEANINGLESS),
        help="form of the predictions, instead of recognising it",
    )
    add(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="class labels, or one file with a label a line; otherwise those "
        "of the scores, or of the ground truth where there are events only",
    )
    add("--name", default="system", help="what the report calls the system")
    add(
        "--operating-point",
        metavar="POINT",
        help="event-tsv: the table F1 is counted for (its name, the threshold "
        "in its name, or the path of a further table)",
    )
    add(
        "--end-tolerance",
        type=checked(float, lambda n: 0 <= n < math.inf, "seconds >= 0"),
        metavar="SECONDS",
        help="score-tsv: how far from its clip's end a table may end (two "
        "frames)",
    )
    add(
        "--intervals",
        action="store_true",
        help="95%% intervals of every figure, by resampling clips",
    )


def _add_tuning(parser):
    """How scores become events."""
    group = parser.add_argument_group("post-processing", TUNING)
    add = group.add_argument
    add("--validation-predictions", metavar="DIR", help="scores to tune with")
    add("--validation-ground-truth", metavar="TSV", help="their reference")
    add("--validation-durations", metavar="TSV", help="their durations")
    add(
        "--threshold",
        type=checked(float, lambda n: 0 <= n < 1, "0 to below 1"),
        help="for every class: active where the score is larger",
    )
    add(
        "--window",
        type=checked(
            int,
            lambda n: n > 0 and n % 2,
            "an odd number of frames",
        ),
        metavar="FRAMES",
        help="median window for every class, an odd number of frames",
    )


def _add_video(parser):
    """What is known about video."""
    group = parser.add_argument_group("availability of video")
    add = group.add_argument
    add(
        "--video",
        metavar="FILE",
        help="clips that have video: a list, or columns filename and "
        "has_video (1 or 0); npz files know it themselves",
    )
    add(
        "--ignored-predictions",
        metavar="DIR",
        help="scores of the same system with the video ignored",
    )
    add(
        "--weight",
        type=float,
        help="npz: evaluate weight_<w>.npz; otherwise the weight with the "
        "best event-based F1 on validation",
    )


def checked(kind, good, expected):
    """Reads a number and says what was expected if it is not good."""

    def number(text):
        value = kind(text)
        if not good(value):
            raise argparse.ArgumentTypeError(f"{text}: expected {expected}")
        return value

    return number
