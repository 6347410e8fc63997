"""`mmsed detect`: the events in one's own recordings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import functools
import os
import sys

from speechbrain_mmsed.cli.errors import UsageError
from speechbrain_mmsed.cli.recordings import (
    EXIT,
    add_recordings,
    open_all,
    say,
)
from speechbrain_mmsed.cli.running import open_journal, run_all, settings_of

# The names of `inference.formats.FORMATS`, which is loaded later.
FORMATS = {
    "tsv": "table of events: filename, onset, offset, event_label, score",
    "json": "events, tags, streams and the scores of every frame",
    "audacity": "label track for Audacity (.txt)",
    "textgrid": "TextGrid for Praat, a tier for each class",
    "webvtt": "subtitles that players show (.vtt)",
    "html": "page with a player and a timeline, opens offline",
}

DESCRIPTION = """\
Finds sound events in recordings: sounds or films, of any length, sample rate
and number of channels. A film's pictures are used if the model knows pictures
and if there are any.

  mmsed detect film.mp4 --model results/run/detector
      prints the events as a table
  mmsed detect films/ --model results/run/detector --out events --format html
      writes a page with a player for each film, and the tables below

With --out each recording has a file in each --format, called like it
(film.mp4 becomes film.html; film.mp4.html where there is a film.wav too), and
all together have
  events.tsv   all events
  files.tsv    what became of each recording, with the reason if it failed
  index.html   links to the pages (with --format html)
Files of the same name in different folders keep their folder.
"""

FORMAT_HELP = "formats of --format:\n" + "\n".join(
    f"  {name:10} {about}" for name, about in FORMATS.items()
)


def add_parser(commands):
    """Describes the command.

    Arguments
    ---------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = commands.add_parser(
        "detect",
        help="sound events in your own recordings",
        description=DESCRIPTION,
        epilog=f"{FORMAT_HELP}\n\n{EXIT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recordings(parser)
    add = parser.add_argument
    add(
        "--format",
        type=_formats,
        default=["tsv"],
        metavar="F,F...",
        help="one or several, separated by commas (tsv)",
    )
    add(
        "--metric",
        default="ebf1",
        help="events by the thresholds and filters that were tuned for this "
        "one: ebf1, exact times; sbf1, activity in each second (ebf1)",
    )
    add(
        "--plot",
        action="store_true",
        help="also draw scores and events of each recording (.png; needs "
        "matplotlib and --out)",
    )
    parser.set_defaults(run=run)


def _formats(text):
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected one or several of {', '.join(FORMATS)}, "
            "separated by commas"
        )
    return list(dict.fromkeys(names))


def run(arguments):
    """Finds, writes and counts events.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of `mmsed detect`.

    Returns
    -------
    int
        0, or 1 if a recording failed.

    Raises
    ------
    UsageError
        If nothing can be begun or results cannot be written.
    """
    _check(arguments)
    inputs, detector, model = open_all(arguments)
    from speechbrain_mmsed.inference import DetectionError

    how = {
        "metric": arguments.metric,
        "primary_weight": arguments.primary_weight,
    }
    go = _to_folder if arguments.out else _to_screen
    try:
        results = go(arguments, inputs, detector, model, how)
    except DetectionError as error:
        raise UsageError(str(error)) from error
    return int(any(result.failed for result in results))


def _check(arguments):
    """What can be said before anything is loaded."""
    if arguments.out is None:
        if arguments.plot:
            raise UsageError("--plot needs --out, a folder for the pictures")
        if arguments.format not in (["tsv"], ["json"]):
            raise UsageError(
                f"--format {','.join(arguments.format)} needs --out, a folder "
                "to write to; without it only tsv or json is printed"
            )
    if arguments.plot:
        try:
            import matplotlib  # noqa: F401
        except ImportError as error:
            raise UsageError(
                "--plot needs matplotlib: pip install 'speechbrain_mmsed[plot]'"
            ) from error


def _to_screen(arguments, inputs, detector, model, how):
    """Prints results while they come; a line of JSON for each recording."""
    import json

    from speechbrain_mmsed.inference.folders.summary import screen_lines
    from speechbrain_mmsed.inference.formats import json_text, tsv

    def show(result, detection, bar):
        if result.failed:
            return
        if arguments.format == ["json"]:
            content = json_text.content(detection, with_frames=False)
            text = json.dumps(content, ensure_ascii=False) + "\n"
        else:
            text = tsv.rows_of(result.file.name, result.events)
        bar.write(text, file=sys.stdout, end="")

    if arguments.format == ["tsv"]:
        print(tsv.HEADER, end="", flush=True)
    results = run_all(arguments, inputs, detector, model, how, None, None, show)
    sys.stdout.flush()
    for line in screen_lines(results, inputs, detector.streams):
        say(line)
    say("results: printed above; with --out DIR they are written to files")
    return results


def _to_folder(arguments, inputs, detector, model, how):
    """Writes results, and a summary at the end."""
    from speechbrain_mmsed.files import remove_leftovers
    from speechbrain_mmsed.inference.folders.index import write_index
    from speechbrain_mmsed.inference.folders.run import Outputs
    from speechbrain_mmsed.inference.folders.summary import screen_lines
    from speechbrain_mmsed.inference.folders.tables import (
        events_table,
        write_tables,
    )

    out = arguments.out
    outputs = Outputs(out, arguments.format, arguments.plot)
    settings = settings_of(detector, model, arguments, **how)
    common = ["events.tsv", "files.tsv"]
    if "html" in arguments.format:
        common.append("index.html")
    try:
        remove_leftovers(out)
        journal = open_journal(arguments, inputs, outputs, settings, common)
        done = functools.partial(run_all, on_result=lambda *result: None)
        results = done(
            arguments, inputs, detector, model, how, outputs, journal
        )
        tables = {"events": events_table(results)}
        written = write_tables(results, detector.streams, out, tables)
        if "html" in arguments.format:
            write_index(results, outputs, detector.streams)
            written.insert(0, "index.html")
        journal.own(os.path.join(out, name) for name in written)
    except OSError as error:
        raise UsageError(f"results cannot be written: {error}") from error
    for line in screen_lines(results, inputs, detector.streams):
        print(line)
    each = ", ".join(outputs.suffixes.values())
    print(f"results: {out} ({', '.join(written)}; {each} of each recording)")
    return results
