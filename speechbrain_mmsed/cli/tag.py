"""`mmsed tag`: what is to be heard in a recording as a whole.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools

from speechbrain_mmsed.cli.arguments import (
    EXIT,
    add_options,
    add_recordings_parser,
    count,
    open_all,
)
from speechbrain_mmsed.cli.running import run_all

DESCRIPTION = """\
Says which classes a recording holds, without times: those whose score is
above the threshold that was tuned for clip-based F1, highest first. The score
of a recording longer than 10 s is the largest of its parts.

  mmsed tag film.mp4 --model results/run/detector
      prints a table: filename, event_label, score
  mmsed tag films/ --model results/run/detector --out tags
      writes tags.tsv, scores.tsv (all classes of all recordings) and
      files.tsv (what became of each recording)
"""


def add_parser(commands):
    """Describes the command to the argparse subparsers."""
    parser = add_recordings_parser(
        commands,
        "tag",
        help="classes that your own recordings hold, without times",
        description=DESCRIPTION,
        epilog=EXIT,
    )
    top = {"--top N": "the N highest scores, whatever the thresholds"}
    add_options(parser, top, {"--top": {"type": count}})
    parser.set_defaults(run=_run)


def _run(arguments):
    """Finds and writes tags; 1 if a recording failed, else 0."""
    opened = open_all(arguments)
    from speechbrain_mmsed.inference.folders.tables import (
        scores_table,
        tags_table,
    )

    labels = opened[1].labels

    def keep_top(result):
        if not result.failed:
            scores = zip(labels, result.clip, strict=True)
            ranked = sorted(scores, key=lambda tag: -tag[1])
            result.tags = ranked[: arguments.top]

    tables = {
        "tags": tags_table,
        "scores": functools.partial(scores_table, labels=labels),
    }
    edit = keep_top if arguments.top else None
    return run_all(arguments, opened, tables, {}, edit=edit)
