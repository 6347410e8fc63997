"""The `mmsed` program; each command is a module of its own beside this one.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import sys

from speechbrain_mmsed.cli.arguments import make_parser
from speechbrain_mmsed.cli.errors import UsageError


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
    try:
        return arguments.run(arguments)
    except UsageError as error:
        message = " ".join(str(error).split())
        print(f"mmsed {arguments.command}: {message}", file=sys.stderr)
        return 2
