"""What is said of sound that is used although a part of it is lost.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

# Codecs and rounded lengths explain a difference up to this.
SHORT_SECONDS = 0.5
# Programs that write to a pipe put such sizes, or more, for "not known".
UNKNOWN_BYTES = 0x7FFFF000


def short_remark(seconds, announced):
    """The remark on sound that ends before it should.

    Arguments
    ---------
    seconds : float
        Where it ends.
    announced : float or None
        Where the file says it ends; None or infinity: it says nothing.

    Returns
    -------
    str
        Empty if it is as long as announced.

    Example
    -------
    >>> short_remark(3.4, 10.0), short_remark(9.9, 10.0)
    ('sound ends at 3.4 of 10.0 s', '')
    """
    if announced is None or not SHORT_SECONDS < announced - seconds < 1e9:
        return ""
    return f"sound ends at {seconds:.1f} of {announced:.1f} s"


def riff_remark(path):
    """The remark on a wav file with fewer bytes than its head announces.

    Arguments
    ---------
    path : str or pathlib.Path
        Any sound file.

    Returns
    -------
    str
        Empty if it is whole, or no wav.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return ""
    there, announced = os.path.getsize(path), int.from_bytes(head[4:], "little")
    # The head may count a byte of padding that is not there.
    if announced >= UNKNOWN_BYTES or there + 1 >= announced + 8:
        return ""
    return f"file is cut off: {there} of {announced + 8} bytes"


def damage_remark(n_bad, stopped):
    """The remark on packets that are lost.

    Arguments
    ---------
    n_bad : int
        Packets that did not decode.
    stopped : str
        Why no more could be read; empty at the end of the file.

    Returns
    -------
    str

    Example
    -------
    >>> damage_remark(1, "")
    '1 packet of the sound did not decode'
    """
    noun = "packet" if n_bad == 1 else "packets"
    bad = f"{n_bad} {noun} of the sound did not decode" if n_bad else ""
    end = f"reading it stopped: {stopped}" if stopped else ""
    return "; ".join(filter(None, [bad, end]))
