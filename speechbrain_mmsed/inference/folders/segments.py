"""The sound of each event of a recording, as a file of its own.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import contextlib
import os
import re
import wave

import numpy as np

from speechbrain_mmsed.dataio.media.sound import SoundError, open_sound
from speechbrain_mmsed.inference import DetectionError
from speechbrain_mmsed.inference.export import whole_folder
from speechbrain_mmsed.inference.formats.values import shown_name

# Of the folder of a recording's segments.
SUFFIX = ".segments"
# What no file may be called on some system, and what words end at.
SPECIAL = re.compile(r'[\\/:*?"<>|\s]+')
MOST_BYTES = 100  # of a recording's or a class's name in a file's


def write_segments(path, events, folder):
    """Writes a folder of wav files, whole or not at all.

    They are mono at the recording's own rate, 16 bits, and are called by
    recording, class and onset: `film_Dog_00012.500.wav`.

    Arguments
    ---------
    path : str
        The recording.
    events : list of tuple
        (onset, offset, label, score) in seconds, as of `in_order`.
    folder : str
        Where to; ends with SUFFIX. One that is there is replaced.

    Raises
    ------
    DetectionError
        If the recording cannot be read any more.
    OSError
        If a file cannot be written.
    """
    folder = os.path.abspath(folder)
    if SUFFIX + os.sep in folder:
        raise DetectionError(
            f"{path}: its segments would be among those of another recording, "
            f"in {os.path.dirname(folder)}; rename its folder, so that it "
            f"does not end with {SUFFIX}"
        )
    recording = os.path.basename(folder).removesuffix(SUFFIX)
    names = _names(recording, events)
    waiting = collections.deque(zip(events, names, strict=True))
    with whole_folder(folder) as temporary:
        try:
            with open_sound(path) as (sound, blocks):
                _cut(int(sound.samplerate), blocks, waiting, temporary)
        except SoundError as error:
            raise DetectionError(
                f"{path}: its sound is {error.reason} when it is cut"
            ) from error


def _cut(rate, blocks, waiting, folder):
    """Writes each event's samples while they come; one pass."""
    at, going_on = 0, []
    with contextlib.ExitStack() as files:
        for block in blocks:
            until = at + len(block)
            while waiting and round(waiting[0][0][0] * rate) < until:
                (onset, offset, *_), name = waiting.popleft()
                path = os.path.join(folder, name)
                file = files.enter_context(wave.open(path, "wb"))
                file.setparams((1, 2, rate, 0, "NONE", ""))
                going_on.append(
                    (round(onset * rate), round(offset * rate), file)
                )
            pcm = np.round(np.clip(block, -1, 1) * 32767).astype("<i2")
            for begin, end, file in going_on:
                part = pcm[max(begin - at, 0) : end - at]
                file.writeframes(part.tobytes())
                if end <= until:
                    file.close()
            going_on = [event for event in going_on if event[1] > until]
            at = until


def _names(recording, events):
    """Names of the files of events, all different."""
    names = {}
    for onset, _, label, _ in events:
        stem = f"{_part(recording)}_{_part(label)}_{onset:09.3f}"
        name, number = stem, 1
        while name.casefold() in names:
            number += 1
            name = f"{stem}~{number}"
        names[name.casefold()] = f"{name}.wav"
    return list(names.values())


def _part(text):
    """Text as a part of a file's name on any system."""
    text = SPECIAL.sub("_", shown_name(text))
    return text.encode()[:MOST_BYTES].decode(errors="ignore")
