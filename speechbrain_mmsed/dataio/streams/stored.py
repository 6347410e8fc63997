"""A stream on disk, as training reads it.

The layout of a stream's folder:

- `<clip_id>.npy`: (T, D) float16;
- `manifest.csv`: whether each clip is available, and why not;
- `stream.json`: by which network and from what the features were made;
- `packed.json` and `packed-<key>.npy`, if wanted: all clips in one array.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import hashlib
import json
import os

import numpy as np

from speechbrain_mmsed.dataio.streams.description import (
    StreamError,
    fingerprint,
)
from speechbrain_mmsed.dataio.streams.manifest import Manifest

INDEX_FILE = "packed.json"
COMMAND = (
    "python recipes/DESED/extract_visual.py recipes/DESED/hparams/"
    "extract.yaml --data_folder <data_folder> --prepared_folder "
    "{prepared} --streams_folder {folder} --streams '[{stream}]'"
)


class StoredStream:
    """The features of one stream, to be read.

    Arguments
    ---------
    streams_folder : str
        Folder of all streams.
    stream : str
        Name of the stream.

    Example
    -------
    >>> stream = StoredStream(getfixture("tmp_path"), "pictures")
    >>> stream.status("weak/a"), stream.description()
    (None, None)
    """

    def __init__(self, streams_folder, stream):
        self.streams_folder = os.path.abspath(streams_folder)
        self.stream = stream
        self.folder = os.path.join(self.streams_folder, stream)
        self.manifest_file = os.path.join(self.folder, "manifest.csv")
        self.description_file = os.path.join(self.folder, "stream.json")

    @functools.cached_property
    def manifest(self):
        """The `Manifest`, read when first needed."""
        return Manifest(self.manifest_file)

    @property
    def rows(self):
        """clip_id -> ClipRow of the manifest."""
        return self.manifest.rows

    def path(self, clip_id):
        """File of a clip's features."""
        return os.path.join(self.folder, f"{clip_id}.npy")

    def description(self):
        """Content of `stream.json`, or None if there is none."""
        try:
            with open(self.description_file, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StreamError(
                f"{self.description_file} is not valid JSON ({error}); "
                f"remove its folder and extract the stream again"
            ) from error

    def command(self):
        """The command that extracts the stream, run in the project."""
        made_from = (self.description() or {}).get("made_from", self.stream)
        return COMMAND.format(
            prepared=os.path.dirname(self.streams_folder),
            folder=self.streams_folder,
            stream=made_from,
        )

    def status(self, clip_id):
        """ "available", "unavailable", or None for a clip not yet done."""
        row = self.rows.get(clip_id)
        if row is not None:
            return row.status
        return "available" if self._holds(clip_id) else None

    def read(self, clip_id):
        """A clip's features, (T, D) float32; None if it is unavailable."""
        if self.status(clip_id) == "unavailable":
            return None
        return self._load(clip_id).astype(np.float32)

    def _holds(self, clip_id):
        """Whether features of a clip are there."""
        return os.path.exists(self.path(clip_id))

    def _load(self, clip_id):
        """Features of a clip as they are stored."""
        try:
            return np.load(self.path(clip_id))
        except (OSError, ValueError, EOFError) as error:
            raise StreamError(
                f"{self.path(clip_id)} cannot be read ({error}). "
                f"Run:\n  {self.command()}"
            ) from error

    def check(self, clip_ids, width, n_frames=64):
        """Raises a StreamError unless the stream fits and knows every clip."""
        description, command = self.description(), self.command()
        if description is None:
            raise StreamError(
                f"Stream {self.stream!r} is not extracted: there is no "
                f"{self.description_file}. Run:\n  {command}"
            )
        if description.get("width") != width:
            raise StreamError(
                f"Stream {self.stream!r} in {self.folder} has vectors of "
                f"length {description.get('width')}, but stream_widths "
                f"says {width}. Correct stream_widths, or remove the folder "
                f"and run:\n  {command}"
            )
        if description.get("n_frames") != n_frames:
            raise StreamError(
                f"Stream {self.stream!r} in {self.folder} has "
                f"{description.get('n_frames')} vectors per clip, but the "
                f"network takes {n_frames}. Remove the folder and run, with "
                f"--n_frames {n_frames}:\n  {command}"
            )
        clip_ids = list(clip_ids)
        missing = [
            clip_id
            for clip_id in clip_ids
            if self.status(clip_id) != "unavailable"
            and not self._holds(clip_id)
        ]
        if missing:
            raise StreamError(
                f"Stream {self.stream!r} is not complete: {len(missing)} of "
                f"{len(clip_ids)} clips are neither available nor "
                f"unavailable in {self.manifest_file}, the first being "
                f"{missing[0]!r}. Run:\n  {command}"
            )


class PackedStream(StoredStream):
    """A stream that is read from its packed form; see `pack.pack_stream`.

    Thousands of small files are slow to open on network file systems. One
    array that is mapped into memory holds the same numbers; processes on one
    machine share its pages. A StreamError if there is none, or if the stream
    has changed since.
    """

    def __init__(self, streams_folder, stream):
        super().__init__(streams_folder, stream)
        path = os.path.join(self.folder, INDEX_FILE)
        try:
            with open(path, encoding="utf-8") as file:
                index = json.load(file)
            self.file = os.path.join(self.folder, index["file"])
            self._array = np.load(self.file, mmap_mode="r")
            self._position = {c: i for i, c in enumerate(index["clips"])}
            key = index["key"]
        except (OSError, ValueError, KeyError) as error:
            raise StreamError(
                f"Stream {stream!r} has no packed form: {path} ({error}). "
                f"Set packed_streams: False, or run:\n  {self.command()}"
            ) from error
        if key != packed_key(self, index["clips"]):
            raise StreamError(
                f"{path} is older than the stream: other clips or other "
                f"features have been extracted since. Set packed_streams: "
                f"False, or run:\n  {self.command()}"
            )

    def command(self):
        """The command that packs the stream again."""
        return f"{super().command()} --pack True"

    def _holds(self, clip_id):
        return clip_id in self._position

    def _load(self, clip_id):
        if clip_id not in self._position:
            raise StreamError(
                f"{clip_id} is not in {self.file}. Run:\n  {self.command()}"
            )
        if self._array is None:
            self._array = np.load(self.file, mmap_mode="r")
        return self._array[self._position[clip_id]]

    def __getstate__(self):
        """Without the map: a process that is started opens its own."""
        return {**self.__dict__, "_array": None}


def packed_key(store, clips):
    """Changes when the features of any clip change; 16 hex digits."""
    digest = hashlib.sha256(fingerprint(store.description() or {}).encode())
    for clip_id in clips:
        row = store.rows.get(clip_id)
        found = None if row is None else (row.status, row.source)
        digest.update(repr((clip_id, found)).encode())
    return digest.hexdigest()[:16]
