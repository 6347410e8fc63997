"""What ends a command with a message.

Authors
 * The speechbrain_mmsed authors, 2026
"""


class UsageError(Exception):
    """What the user can mend; the message is all that is printed."""
