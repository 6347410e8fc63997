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
    from speechbrain_mmsed.evaluation.problems import PredictionError
    from speechbrain_mmsed.evaluation.system.report import (
        evaluate_system,
    )

    try:
        evaluate_system(arguments)
    except PredictionError as error:
        raise UsageError(str(error)) from error
    return 0


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
        choices=["npz", "score-tsv", "event-tsv"],
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
