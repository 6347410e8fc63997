"""Streams from features that were computed elsewhere.

One file per clip in one folder, or in one folder per subset: `.npy` holds
(N, D) vectors at a rate that the yaml states; `.npz` holds `embedding` (N, D)
and `timestamps` (N,) seconds, as the openl3 tool writes them. Pictures or
sound: a sound embedding is a stream like any other.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import logging
import os

import numpy as np
from stream_claims import Claims
from stream_report import count_clips
from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.matching import candidates, index_folder
from speechbrain_mmsed.dataio.media.frames import grid_times
from speechbrain_mmsed.dataio.streams.clip_features import coverage
from speechbrain_mmsed.dataio.streams.records import KINDS, StreamError
from speechbrain_mmsed.dataio.streams.store import LIBRARIES, StreamStore
from speechbrain_mmsed.dataio.streams.time_grid import METHODS, to_grid
from speechbrain_mmsed.files import DamagedFileError, file_state, read_arrays
from speechbrain_mmsed.problems import listed
from speechbrain_mmsed.versions import library_versions

logger = logging.getLogger(__name__)

SUFFIXES = (".npy", ".npz")


class StreamImport:
    """Takes over the features of a folder.

    Arguments
    ---------
    source_folder : str
        Where the files are; named as the clips' sounds are, with another
        ending.
    streams_folder, stream : str
        Folder of all streams, and name of the new one.
    kind : str
        What the features were made from: "film", "sound" or "other".
    n_frames, clip_seconds, min_coverage
        As for `StreamExtraction`.
    rate : float or None
        Vectors per second in `.npy` files, which do not say it.
    offset : float
        Seconds at which the first vector of an `.npy` stands.
    method : str
        "nearest" or "linear"; see `to_grid`.

    Raises
    ------
    StreamError
        If there is no such folder, or a setting is out of range.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> np.save(folder / "a.npy", np.ones((100, 5)))
    >>> importer = StreamImport(folder, folder / "s", "mine", "other", rate=10)
    >>> clips = {"weak/a": {"filename": "a.wav", "duration": 10.0}}
    >>> importer.run(clips, progress=False).available
    1
    """

    def __init__(
        self,
        source_folder,
        streams_folder,
        stream,
        kind,
        n_frames=64,
        clip_seconds=10.0,
        min_coverage=0.5,
        rate=None,
        offset=0.0,
        method="nearest",
    ):
        if not os.path.isdir(source_folder):
            raise StreamError(f"import:{source_folder}: no such folder")
        if kind not in KINDS:
            raise StreamError(
                f"import:{source_folder}: imported.kind is {kind!r}; say what "
                f"it was made from, --imported '{{kind: sound}}' or another of "
                f"{', '.join(KINDS)}"
            )
        if method not in METHODS:
            raise StreamError(
                f"imported.method must be one of {METHODS}, not {method!r}"
            )
        if rate is not None and not rate > 0:
            raise StreamError(f"imported.rate must be positive, not {rate!r}")
        self.source_folder = os.path.abspath(source_folder)
        self.store, self.kind = StreamStore(streams_folder, stream), kind
        self.times = grid_times(n_frames, clip_seconds)
        self.clip_seconds, self.min_coverage = clip_seconds, min_coverage
        self.rate, self.offset, self.method = rate, offset, method
        self._folders = {}

    def run(self, clips, progress=True):
        """Imports what is not imported yet.

        Arguments
        ---------
        clips : dict
            clip_id -> dict with "filename" and "duration" (s).
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        StreamReport

        Raises
        ------
        StreamError
            If no file belongs to a clip or can be read, files differ in
            width, or the rate of an `.npy` is not given.
        """
        files = {key: self._file(key, clip) for key, clip in clips.items()}
        width = self._width([path for path in files.values() if path])
        store, n_frames, before, bad = self.store, len(self.times), 0, []
        store.begin(self._description(width))
        title = "importing " + store.stream
        # Of several processes one imports, and the others find it done.
        with Claims(store.folder) as claims, claims.waiting("import"):
            store.refresh()
            for clip_id, path in tqdm(
                files.items(), title, unit="clip", disable=not progress
            ):
                source = self._source(path)
                if store.is_done(clip_id, source, (n_frames, width)):
                    before += 1
                else:
                    self._import(clip_id, clips[clip_id], path, source, width)
                reason = store.rows[clip_id].reason
                if reason.startswith("unreadable"):
                    bad.append(f"{path}: {reason.split(': ', 1)[-1]}")
        store.finish()
        if bad:
            logger.warning("%d files cannot be used: %s", len(bad), listed(bad))
        return count_clips(store, clips, before, self.clip_seconds, n_frames)

    def _file(self, clip_id, clip):
        """File of a clip's features, or None."""
        folder = os.path.join(self.source_folder, clip_id.split("/")[0])
        if not os.path.isdir(folder):
            folder = self.source_folder
        if folder not in self._folders:
            self._folders[folder] = index_folder(folder, SUFFIXES)
        found = candidates(self._folders[folder], clip["filename"])
        if len(found) > 1:
            raise StreamError(
                f"{len(found)} files for the clip {clip['filename']}: "
                f"{found}. Remove all but one"
            )
        return found[0] if found else None

    def _width(self, paths):
        """Length of the vectors, of the first file that can be read."""
        for path in paths:
            try:
                width, self._first = self._read(path)[0].shape[1], path
                return width
            except ValueError:
                continue
        raise StreamError(
            f"import:{self.source_folder}: {len(paths)} files there have "
            f"the name of a clip and end in {' or '.join(SUFFIXES)}, and "
            f"none can be read. Expected are files such as "
            f"Yabcdefghijk_30.000_40.000.npz"
        )

    def _read(self, path):
        """Vectors, times, spacing; ValueError with what is wrong."""
        timed = not path.lower().endswith(".npy")
        try:
            names = ("embedding", "timestamps") if timed else ("",)
            found = read_arrays(path, names)
        except (OSError, DamagedFileError) as error:
            text = str(error).removeprefix(f"{path}: ")
            raise ValueError(text) from error
        vectors, times = found[names[0]], found.get("timestamps")
        if vectors.ndim != 2 or not vectors.size:
            raise ValueError(f"has shape {vectors.shape} instead of (N, D)")
        for array in (vectors, times):
            if array is not None and array.dtype.kind not in "fiu":
                raise ValueError(f"holds {array.dtype} instead of numbers")
        most = np.finfo(np.float16).max
        if not ((vectors >= -most) & (vectors <= most)).all():
            raise ValueError("not finite or beyond the range of float16")
        if times is not None:
            single = len(vectors) == 1
            return vectors, times, self.clip_seconds if single else None
        if self.rate is None:
            raise StreamError(
                f"{path} does not say when its {len(vectors)} vectors "
                f"are: set imported.rate (vectors per second) and "
                f"imported.offset (s of the first one)"
            )
        spacing = 1.0 / self.rate
        times = self.offset + spacing * np.arange(len(vectors))
        return vectors, times, spacing

    def _import(self, clip_id, clip, path, source, width):
        """Stores one clip, or notes why not."""
        features, seconds, reason = None, 0.0, "absent"
        if path is not None:
            length = min(clip["duration"], self.clip_seconds)
            try:
                vectors, times, spacing = self._read(path)
                features, covered = to_grid(
                    vectors, times, self.times, self.method, spacing
                )
                seconds, reason = coverage(
                    covered, self.times, length, self.min_coverage
                )
            except ValueError as error:
                reason = f"unreadable: {error}"
        if features is not None and features.shape[1] != width:
            raise StreamError(
                f"{path} holds vectors of length {features.shape[1]}, "
                f"{self._first} of {width}. Features of one network in one "
                f"folder, please"
            )
        if reason:
            self.store.mark_unavailable(clip_id, reason, seconds, source)
        else:
            self.store.write(clip_id, features, seconds, source)

    def _description(self, width):
        """Content of the stream's `stream.json`."""
        spacing = f", .npy at {self.rate:g}/s" if self.rate else ""
        if spacing and self.offset:
            spacing += f" from {self.offset:g} s"
        return {
            "kind": self.kind,
            "network": f"imported: {os.path.basename(self.source_folder)}",
            "weights_sha256": None,
            "preprocessing": f"{self.method}{spacing}",
            "width": width,
            "n_frames": len(self.times),
            "clip_seconds": self.clip_seconds,
            "made_from": f"import:{self.source_folder}",
            "versions": library_versions(LIBRARIES),
        }

    def _source(self, path):
        """What the outcome for a clip is derived from."""
        if path is None:
            return "absent"
        size, changed = file_state(path)
        least = f"at least {self.min_coverage:g} covered"
        return f"{size} bytes of {changed}, {least}"
