"""`mmsed compare`: two evaluated systems on the same clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse

from speechbrain_mmsed.cli.arguments import UsageError
from speechbrain_mmsed.cli.evaluate import checked

DESCRIPTION = """\
Compares two systems that were evaluated on the same clips: the difference of
every figure, its 95% interval and p-value by a paired bootstrap over clips.

Each is the folder of a report (of `mmsed evaluate`, or the output folder of a
training: then its student), or a counts_<system>.npz in it, such as
counts_teacher.npz; counts_student_video_ignored.npz is the same system without
its video, so that with --clips video the difference is what video brings.
counts_student__boxes.npz is its sound event bounding boxes: --postprocessing
boxes compares those of two folders. Both must have the same clips and ground
truth; each keeps the post-processing that it was evaluated with. PSDS of boxes
is over all confidences, so it is compared with that of boxes only. The interval
says what other clips would have given, not what another training would have
given.
"""


def add_parser(commands):
    """Describes the command."""
    parser = commands.add_parser(
        "compare",
        help="two evaluated systems on the same clips",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("first", help="report that is compared with")
    add("second", help="report that is compared")
    add("--out", metavar="DIR", help="gets the comparison; else it is printed")
    add(
        "--names",
        nargs=2,
        metavar="NAME",
        help="what the two are called; otherwise after their folders",
    )
    add(
        "--clips",
        choices=["all", "video", "no-video"],
        default="all",
        help="only clips with, or without, video",
    )
    add(
        "--postprocessing",
        choices=["median", "boxes"],
        help="which system of a folder is taken: its first one by median "
        "filters, or by boxes; otherwise its first",
    )
    add(
        "--resamples",
        type=checked(int, lambda n: n > 0, "at least 1"),
        metavar="N",
        help="draws of every figure (2000 for F1, 500 for PSDS)",
    )
    add("--seed", type=int, default=0, help="of the draws (0)")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command; 0."""
    from speechbrain_mmsed.evaluation.reports.report_files import (
        compare_reports,
    )
    from speechbrain_mmsed.problems import PredictionError

    try:
        compare_reports(
            *(arguments.first, arguments.second, arguments.names),
            *(arguments.out, arguments.clips),
            *(arguments.resamples, arguments.seed),
            arguments.postprocessing,
        )
    except (PredictionError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0
