"""`mmsed tag`: what is to be heard in a recording as a whole.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import os
import sys

from speechbrain_mmsed.cli.errors import UsageError
from speechbrain_mmsed.cli.recordings import (
    EXIT,
    add_recordings,
    count,
    open_all,
    say,
)
from speechbrain_mmsed.cli.running import open_journal, run_all, settings_of

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
    """Describes the command.

    Arguments
    ---------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = commands.add_parser(
        "tag",
        help="classes that your own recordings hold, without times",
        description=DESCRIPTION,
        epilog=EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recordings(parser)
    parser.add_argument(
        "--top",
        type=count,
        metavar="N",
        help="the N highest scores, whatever the thresholds",
    )
    parser.set_defaults(run=run)


def run(arguments):
    """Finds and writes tags.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of `mmsed tag`.

    Returns
    -------
    int
        0, or 1 if a recording failed.

    Raises
    ------
    UsageError
        If nothing can be begun or results cannot be written.
    """
    inputs, detector, model = open_all(arguments)
    from speechbrain_mmsed.inference.folders.summary import screen_lines
    from speechbrain_mmsed.inference.folders.tables import (
        scores_table,
        tags_table,
        write_tables,
    )

    out, journal = arguments.out, None
    how = {"primary_weight": arguments.primary_weight}

    def show(result, detection, bar):
        if arguments.top:
            scores = zip(detector.labels, result.clip, strict=False)
            ranked = sorted(scores, key=lambda tag: -tag[1])
            result.tags = ranked[: arguments.top]
        if not out and not result.failed:
            text = tags_table([result]).split("\n", 1)[1]
            bar.write(text, file=sys.stdout, end="")

    try:
        if out:
            settings = settings_of(detector, model, arguments)
            common = ["tags.tsv", "scores.tsv", "files.tsv"]
            journal = open_journal(arguments, inputs, None, settings, common)
        else:
            print(tags_table([]), end="", flush=True)
        results = run_all(
            arguments, inputs, detector, model, how, None, journal, show
        )
        if out:
            tables = {
                "tags": tags_table(results),
                "scores": scores_table(results, detector.labels),
            }
            written = write_tables(results, detector.streams, out, tables)
            journal.own(os.path.join(out, name) for name in written)
    except OSError as error:
        raise UsageError(f"results cannot be written: {error}") from error
    sys.stdout.flush()
    tell = print if out else say
    for line in screen_lines(results, inputs, detector.streams, "tags"):
        tell(line)
    where = "printed above; with --out DIR they are written to files"
    if out:
        where = f"{out} ({', '.join(written)})"
    tell(f"results: {where}")
    return int(any(result.failed for result in results))
