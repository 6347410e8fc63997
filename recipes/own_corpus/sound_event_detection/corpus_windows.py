"""Recordings of any length as clips: cut into windows, or linked to.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import io
import itertools
import math
import os

import numpy as np
import soundfile

from speechbrain_mmsed.dataio.media.sound import open_sound
from speechbrain_mmsed.files import atomic_path

# A recording is that much longer than a clip before it is cut.
TOLERANCE = 0.1
# No window is shorter than this share of a clip, in seconds at most 1.
SHORTEST = 0.5


def window_edges(seconds, clip_seconds):
    """Times at which a recording is cut, its beginning and end included.

    Windows are as long as a clip, since a detector's are: a network that saw
    nothing but padded ones would not know what to make of a full one. The
    last holds what is left over, of the one before it a little if need be.

    Example
    -------
    >>> window_edges(24.0, 10.0), window_edges(10.05, 10.0)
    ([0.0, 10.0, 20.0, 24.0], [0.0, 10.05])
    >>> window_edges(20.25, 10.0)
    [0.0, 10.0, 19.25, 20.25]
    """
    n_windows = max(1, math.ceil((seconds - TOLERANCE) / clip_seconds))
    edges = [n * clip_seconds for n in range(n_windows)] + [seconds]
    if n_windows > 1:
        shortest = min(1.0, SHORTEST * clip_seconds)
        edges[-2] = min(edges[-2], seconds - shortest)
    return edges


def events_in_windows(events, edges):
    """Events of each window, in seconds from its beginning.

    Arguments
    ---------
    events : list
        (onset, offset, label) in seconds of the recording. One that lies in
        two windows becomes one in each.
    edges : list of float
        As of `window_edges`.

    Returns
    -------
    list of list

    Example
    -------
    >>> events_in_windows([(7.0, 9.5, "Dog")], [0.0, 8.0, 16.0])
    [[(7.0, 8.0, 'Dog')], [(0.0, 1.5, 'Dog')]]
    """
    return [
        [
            (max(onset, begin) - begin, min(offset, end) - begin, label)
            for onset, offset, label in events
            if onset < end and offset > begin
        ]
        for begin, end in itertools.pairwise(edges)
    ]


def write_windows(path, edges, targets):
    """Cuts a recording into sound files: mono, of its own rate, FLAC.

    Arguments
    ---------
    path : str
        The recording.
    edges : list of float
        As of `window_edges`, N + 1 times.
    targets : list of str
        N files to write.
    """
    with open_sound(path) as (file, blocks):
        rate = file.samplerate
        kept, at = np.zeros(0, np.float32), 0
        ends = [round(edge * rate) for edge in edges[1:-1]] + [math.inf]
        for target, end in zip(targets, ends, strict=True):
            pieces = [kept]
            while at + sum(map(len, pieces)) < end:
                block = next(blocks, None)
                if block is None:
                    break
                pieces.append(block)
            sound = np.concatenate(pieces)
            length = int(min(len(sound), end - at))
            sound, kept, at = sound[:length], sound[length:], at + length
            # Float sound may be louder than FLAC can say.
            peak = max(1.0, float(np.abs(sound).max(initial=0.0)))
            # Its own errors do not say that a disk is full.
            content = io.BytesIO()
            soundfile.write(content, sound / peak, rate, "PCM_24", None, "FLAC")
            with atomic_path(target) as name, open(name, "wb") as file:
                file.write(content.getbuffer())


def link(path, target):
    """Makes a recording a clip as it is."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.symlink(os.path.abspath(path), target)
