"""The parser of all commands, and what their arguments have in common.

A command is a module with `add_parser(commands)`, which describes its
arguments and names the function to run. It imports what computes only inside
that function: `mmsed --help` loads no numerical library, and no command
needs what another one needs.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse

import speechbrain_mmsed
from speechbrain_mmsed.cli import compare, detect, evaluate, tag

COMMANDS = (detect, tag, evaluate, compare)


def make_parser():
    """The parser of all commands.

    Returns
    -------
    argparse.ArgumentParser

    Example
    -------
    >>> arguments = make_parser().parse_args(
    ...     ["evaluate", "--predictions", "scores", "--ground-truth",
    ...      "a.tsv", "--durations", "b.tsv", "--out", "report"]
    ... )
    >>> arguments.command, arguments.predictions
    ('evaluate', 'scores')
    """
    parser = argparse.ArgumentParser(
        prog="mmsed", description="Sound event detection, some of it seen."
    )
    parser.add_argument(
        "--version", action="version", version=speechbrain_mmsed.__version__
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
