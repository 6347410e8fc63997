"""Features that are looked at before training, and not again until they change.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import os

import numpy as np
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_mmsed.dataio.streams.records import ClipRow, StreamError
from speechbrain_mmsed.files import file_state, read_json, write_json
from speechbrain_mmsed.folders import locked
from speechbrain_mmsed.problems import listed

logger = get_logger(__name__)

VERIFIED_FILE = "verified.json"  # size and time of what was found whole
SHOWN_AFTER = 5.0  # seconds of reading


class Verified:
    """What stands before a `StoredStream` and reads all features in `check`.

    Arguments
    ---------
    streams_folder, stream : str
        As of StoredStream.
    damaged : str
        Clips whose features cannot be read, have another shape or are not
        finite stop the run ("error") or count as unavailable ("drop").
    dropped : dict or None
        Gets stream -> number of clips that count as unavailable.
    """

    def __init__(self, streams_folder, stream, damaged="error", dropped=None):
        super().__init__(streams_folder, stream)
        self._damaged, self._dropped = damaged, dropped

    def check(self, clip_ids, width, n_frames=64):
        """As of StoredStream, and that the features are whole and finite."""
        clip_ids = list(clip_ids)
        super().check(clip_ids, width, n_frames)
        clips = [c for c in clip_ids if self.status(c) != "unavailable"]
        with contextlib.ExitStack() as stack:
            # Of several processes one reads, and the others find it done.
            with contextlib.suppress(OSError):  # nothing can be written there
                lock = os.path.join(self.folder, ".verify.lock")
                stack.enter_context(locked(lock))
            bad = self._verify(clips, (n_frames, width))
        if not bad:
            return
        told = (
            f"Stream {self.stream!r}: the features of {len(bad)} of "
            f"{len(clips)} clips are damaged or not finite: {listed(bad)}, in "
            f"{self.path(min(bad))}"
        )
        if self._damaged == "error" or len(bad) == len(clips):
            raise self.error(
                f"{told}. Set damaged_features: drop, or remove the files of "
                "these clips and run"
            )
        logger.warning(f"{told}. They count as clips without the stream.")
        if self._dropped is not None:
            self._dropped[self.stream] = len(bad)
        for clip in bad:
            self.rows[clip] = ClipRow(clip, "unavailable", "damaged", 0.0)

    def _verify(self, clips, shape):
        """Reads what was not found whole before; the clips that are not."""
        path, known = os.path.join(self.folder, VERIFIED_FILE), {}
        with contextlib.suppress(OSError, ValueError, TypeError):
            record = read_json(path)
            if record.get("shape") == list(shape):
                known = dict(record.get("clips", ()))
        states = {c: list(file_state(self.path(c))) for c in clips}
        unknown = [c for c in clips if known.get(c) != states[c]]
        if not unknown:
            return []
        good = {
            clip: states[clip]
            for clip in tqdm(
                unknown,
                f"verifying {self.stream}",
                unit="clip",
                disable=None,
                delay=SHOWN_AFTER,
            )
            if self._is_whole(clip, shape)
        }
        if good:
            record = {"shape": list(shape), "clips": {**known, **good}}
            with contextlib.suppress(OSError):
                write_json(path, record)
        return [clip for clip in unknown if clip not in good]

    def _is_whole(self, clip, shape):
        """Whether features can be read, have their shape and are finite."""
        try:
            found = self._load(clip)
        except (StreamError, OSError, ValueError):
            return False
        plain = found.shape == shape and found.dtype.str[:2] == "<f"
        return plain and bool(np.isfinite(found).all())
