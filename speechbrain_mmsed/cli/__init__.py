"""Programs of the package: `mmsed evaluate` and what may follow.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import sys

from speechbrain_mmsed.cli.arguments import make_parser


def main(argv=None):
    """Run a command.

    Arguments
    ---------
    argv : list of str or None
        What stands behind `mmsed`; of the running process if None.

    Returns
    -------
    int
        0, or 2 where arguments or data cannot be used; the message is on
        the standard error, one line without a traceback.

    Example
    -------
    >>> main(["evaluate", "--predictions", "/nowhere", "--ground-truth", "a",
    ...       "--durations", "b", "--out", "c"])
    2
    """
    arguments = make_parser().parse_args(argv)
    # Numerical libraries are loaded only once the arguments are in order.
    from speechbrain_mmsed.cli.evaluate import UsageError, evaluate

    try:
        evaluate(arguments)
    except UsageError as error:
        message = " ".join(str(error).split())
        print(f"mmsed {arguments.command}: {message}", file=sys.stderr)
        return 2
    return 0
