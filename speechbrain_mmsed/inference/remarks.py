"""What of a recording's sound is lost, in words.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.dataio.media.film_sound import FilmSound

# Codecs and rounded lengths explain a missing end of up to this.
SHORT_SECONDS = 0.5
# These have no head: their length is a guess from what is there.
GUESSED_LENGTH_FORMATS = ("aac", "mpeg", "mpegts")
# Programs that write to a pipe put such sizes, or more, for "not known".
UNKNOWN_BYTES = 0x7FFFF000


def lost_sound(sound, path, seconds):
    """What of a sound is lost; empty if nothing is.

    That the end of an MPEG-TS, MPEG-PS or raw aac file is missing does not
    show.

    Arguments
    ---------
    sound : soundfile.SoundFile or FilmSound
        The open file, once all its blocks are read.
    path : str
        Where it is.
    seconds : float
        What came out of it.
    """
    if not isinstance(sound, FilmSound):
        short = _short(seconds, sound.frames / sound.samplerate)
        return short or riff_remark(path)
    remarks = [_short(seconds, _announced(sound))]
    if sound.n_bad:
        noun = "packet" if sound.n_bad == 1 else "packets"
        remarks.append(f"{sound.n_bad} {noun} of the sound did not decode")
    if sound.stopped:
        remarks.append(f"reading it stopped: {sound.stopped}")
    return "; ".join(filter(None, remarks))


def _short(seconds, announced):
    """What to say of sound that ends before the file says; perhaps nothing."""
    if announced is None or not SHORT_SECONDS < announced - seconds < 1e9:
        return ""
    return f"sound ends at {seconds:.1f} of {announced:.1f} s"


def riff_remark(path):
    """The remark on a wav file with fewer bytes than its head announces."""
    with open(path, "rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return ""
    there, announced = os.path.getsize(path), int.from_bytes(head[4:], "little")
    # The head may count a byte of padding that is not there.
    if announced >= UNKNOWN_BYTES or there + 1 >= announced + 8:
        return ""
    return f"file is cut off: {there} of {announced + 8} bytes"


def _announced(film):
    """Seconds at which the sound or the film ends by its head."""
    if film.container.format.name in GUESSED_LENGTH_FORMATS:
        return None
    if film.track.duration is not None:
        return film.end() / film.samplerate
    return film.container.duration and film.container.duration / 1e6
