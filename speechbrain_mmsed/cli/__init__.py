"""The `mmsed` program; each command is a module of its own beside this one.

A command is a module with `add_parser(commands)`, which describes its
arguments and names the function to run. It imports what computes only inside
that function: `mmsed --help` loads no numerical library, and no command
needs what another one needs.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import contextlib
import os
import sys

import speechbrain_mmsed
from speechbrain_mmsed.cli import (
    compare,
    detect,
    ensemble,
    evaluate,
    listen,
    tag,
)
from speechbrain_mmsed.cli.arguments import UsageError

COMMANDS = (detect, tag, listen, evaluate, compare, ensemble)


def make_parser():
    """The argparse.ArgumentParser of all commands.

    Example
    -------
    >>> make_parser().parse_args(["compare", "first", "second"]).command
    'compare'
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


def main(argv=None):
    """Run a command.

    Arguments
    ---------
    argv : list of str or None
        What stands behind `mmsed`; of the running process if None.

    Returns
    -------
    int
        What the command returns, 0 if all went well; 2 where arguments or
        data cannot be used: the message is on the standard error, one line
        without a traceback.

    Example
    -------
    >>> main(["evaluate", "--predictions", "/nowhere", "--ground-truth", "a",
    ...       "--durations", "b", "--out", str(getfixture("tmp_path"))])
    2
    """
    arguments = make_parser().parse_args(argv)
    from speechbrain_mmsed.files import disk_full_explained
    from speechbrain_mmsed.in_use import claimed

    try:
        with claimed(getattr(arguments, "out", None)), disk_full_explained():
            code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except (UsageError, OSError) as error:
        # The reader may have seen enough: `mmsed detect ... | head`.
        code = 1 if isinstance(error, BrokenPipeError) else 2
        if code == 2:
            message = " ".join(str(error).split())
            print(f"mmsed {arguments.command}: {message}", file=sys.stderr)
    # What could not be written would be an error again when Python ends.
    with contextlib.suppress(OSError):  # the output of a test is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
