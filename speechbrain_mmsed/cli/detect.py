"""`mmsed detect`: the events in one's own recordings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import json
import os

from speechbrain_mmsed.cli.arguments import (
    EXIT,
    UsageError,
    add_options,
    add_recordings_parser,
    count,
    open_all,
)
from speechbrain_mmsed.cli.running import run_all

# The names of `inference.formats.FORMATS`, which is loaded later.
FORMATS = {
    "tsv": "table of events: filename, onset, offset, event_label, score",
    "csv": "the same with commas",
    "json": "events, tags, streams and the scores of every frame",
    "audacity": "label track for Audacity (.txt)",
    "audacity_scores": "label track with scores: Dog 0.87 (.scores.txt)",
    "textgrid": "TextGrid for Praat, a tier for each class",
    "raven": "selection table for Raven (.selections.txt)",
    "rttm": "time marks of diarisation tools",
    "labelstudio": "task with predictions for Label Studio",
    "webvtt": "subtitles that players show (.vtt)",
    "srt": "subtitles of the older kind",
    "html": "page with a player and a timeline, opens offline",
}

DESCRIPTION = """\
Finds sound events in recordings: sounds or films, of any length, sample rate
and number of channels. A film's pictures are used if the model knows pictures
and if there are any.

  mmsed detect film.mp4 --model yamnet --weights yamnet.h5
      prints the events as a table, by a network that needs no training
  mmsed detect film.mp4 --model results/run/detector
      the same by a model of your own
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

OPTIONS = {
    "--format F,F...": "one or several, separated by commas (tsv)",
    "--metric": "events by the thresholds and filters that were tuned for this "
    "one: ebf1, exact times; sbf1, activity in each second (ebf1)",
    "--postprocessing": "events by a threshold and a median filter, scored by "
    "their mean, or sound event bounding boxes, scored by their confidence "
    "(default: what training chose when it exported the model)",
    "--threshold P": "instead of those that training tuned: a probability for "
    "all classes, or CLASS=P for one of them, as often as needed",
    "--classes C,C...": "only these, separated by commas or in several "
    "--classes (all)",
    "--merge-gap S": "events of a class with less than S seconds between them "
    "become one (0)",
    "--min-duration S": "leaves out events shorter than S seconds, after "
    "merging (0)",
    "--top N": "only the N most probable events of each recording",
    "--cut DIR": "also write the sound of each event there, as "
    "film.segments/film_Dog_00012.500.wav (recording, class, onset); without "
    "--out the tables are there too",
    "--plot": "also draw scores and events of each recording (.png; needs "
    "matplotlib and --out)",
}

FORMAT_HELP = "formats of --format:\n" + "\n".join(
    f"  {name:15} {about}" for name, about in FORMATS.items()
)


def add_parser(commands):
    """Describes the command to the argparse subparsers."""
    parser = add_recordings_parser(
        commands,
        "detect",
        help="sound events in your own recordings",
        description=DESCRIPTION,
        epilog=f"{FORMAT_HELP}\n\n{EXIT}",
    )
    settings = {
        "--format": {"type": _formats, "default": ["tsv"]},
        "--metric": {"default": "ebf1"},
        "--postprocessing": {"choices": ["median", "boxes"]},
        "--threshold": {"action": "append", "type": _threshold, "default": []},
        "--classes": {"action": "append", "default": []},
        "--merge-gap": {"type": float, "default": 0.0},
        "--min-duration": {"type": float, "default": 0.0},
        "--top": {"type": count},
        "--plot": {"action": "store_true"},
    }
    add_options(parser, OPTIONS, settings)
    parser.set_defaults(run=_run)


def _formats(text):
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected one or several of {', '.join(FORMATS)}, "
            "separated by commas"
        )
    return list(dict.fromkeys(names))


def _threshold(text):
    """(class or None, probability) of an argument."""
    label, _, value = text.rpartition("=")
    return label or None, float(value)


def _wanted(arguments, labels):
    """The Wanted of the arguments, for a detector of these classes."""
    from speechbrain_mmsed.inference.wanted import Wanted

    # A name that holds a comma is given alone.
    classes = [
        name
        for text in arguments.classes
        for name in ([text] if text in labels else text.split(","))
    ]
    threshold = {label: p for label, p in arguments.threshold if label}
    for label, p in arguments.threshold:
        if label is None and threshold:
            threshold = {**dict.fromkeys(labels, p), **threshold}
        elif label is None:
            threshold = p
    return Wanted(
        tuple(name.strip() for name in classes),
        None if threshold == {} else threshold,
        arguments.merge_gap,
        arguments.min_duration,
        arguments.top,
    )


def _run(arguments):
    """Finds, writes and counts events; 1 if a recording failed, else 0."""
    _check(arguments)
    opened = open_all(arguments)
    from speechbrain_mmsed.inference.folders.run import Outputs
    from speechbrain_mmsed.inference.folders.tables import events_table
    from speechbrain_mmsed.inference.formats.text import json_content

    def json_line(detection):
        content = json_content(detection, with_frames=False)
        return json.dumps(content, ensure_ascii=False) + "\n"

    outputs = None
    if arguments.out:
        outputs = Outputs(
            arguments.out, arguments.format, arguments.plot, arguments.cut
        )
    line = json_line if arguments.format == ["json"] else None
    how = {"metric": arguments.metric}
    how["postprocessing"] = arguments.postprocessing
    how["wanted"] = _wanted(arguments, opened[1].labels)
    tables = {"events": events_table}
    return run_all(arguments, opened, tables, how, outputs, line)


def _check(arguments):
    """What can be said before anything is loaded."""
    if arguments.cut and os.path.isfile(arguments.cut):
        raise UsageError(f"--cut {arguments.cut} is a file, expected a folder")
    arguments.out = arguments.out or arguments.cut
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
