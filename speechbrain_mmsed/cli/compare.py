"""`mmsed compare`: two evaluated systems on the same clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.cli.arguments import (
    UsageError,
    add_command,
    add_options,
    count,
)

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

OPTIONS = {
    "first": "report that is compared with",
    "second": "report that is compared",
    "--out DIR": "gets the comparison; else it is printed",
    "--names NAME": "what the two are called; otherwise after their folders",
    "--clips": "only clips with, or without, video",
    "--postprocessing": "which system of a folder is taken: its first one by "
    "median filters, or by boxes; otherwise its first",
    "--resamples N": "draws of every figure (2000 for F1, 500 for PSDS)",
    "--seed": "of the draws (0)",
}
SETTINGS = {
    "--names": {"nargs": 2},
    "--clips": {"choices": ["all", "video", "no-video"], "default": "all"},
    "--postprocessing": {"choices": ["median", "boxes"]},
    "--resamples": {"type": count},
    "--seed": {"type": int, "default": 0},
}


def add_parser(commands):
    """Describes the command."""
    parser = add_command(
        commands,
        "compare",
        help="two evaluated systems on the same clips",
        description=DESCRIPTION,
    )
    add_options(parser, OPTIONS, SETTINGS)
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command; 0."""
    from speechbrain_mmsed.evaluation.reports.report_files import (
        compare_reports,
    )
    from speechbrain_mmsed.files import ClearError

    try:
        compare_reports(
            *(arguments.first, arguments.second, arguments.names),
            *(arguments.out, arguments.clips),
            *(arguments.resamples, arguments.seed),
            arguments.postprocessing,
        )
    except (ClearError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0
