"""Arguments that commands have in common, and what is wrong with them.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse

EXIT = """\
exit code: 0 all recordings done, 1 some failed (the others are done, the
summary says why), 2 nothing was begun or results could not be written."""


class UsageError(Exception):
    """What the user can mend; the message is all that is printed."""


def add_recordings_parser(commands, name, **texts):
    """The parser of a command that listens to recordings.

    Arguments
    ---------
    commands : argparse subparsers
        Where it belongs.
    name : str
        The command.
    **texts
        For argparse: help, description and epilog.

    Returns
    -------
    argparse.ArgumentParser
        With the arguments that all such commands have.
    """
    parser = commands.add_parser(
        name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    add = parser.add_argument
    add(
        "recordings",
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="sounds or films with sound, of any length; of a folder, and "
        "of those in it, all that have a suffix of sounds or films",
    )
    add(
        "--model",
        required=True,
        metavar="DIR",
        help="detector folder that a training wrote "
        "(<output_folder>/detector), or the training's output folder",
    )
    add(
        "--out",
        metavar="DIR",
        help="write results there; a call that was interrupted goes on "
        "where it stopped",
    )
    add(
        "--primary-weight",
        type=_weight,
        metavar="W",
        help="weight of the sound, above 0 and at most 1; 1 ignores the "
        "film (default: what training chose on validation)",
    )
    add(
        "--device",
        default="cpu",
        help="where the network runs, for instance cuda:0 (cpu)",
    )
    add(
        "--jobs",
        type=count,
        default=1,
        metavar="N",
        help="processes, each with a model of its own, for thousands of "
        "recordings and many processors; only with --out. One process uses "
        "several processors already (1)",
    )
    return parser


def _weight(text):
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(
            f"{text}: expected a number above 0 and at most 1"
        )
    return value


def count(text):
    """An argument that is a whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return value
