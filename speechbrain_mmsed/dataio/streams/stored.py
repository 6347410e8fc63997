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

from speechbrain_mmsed.dataio.streams.records import (
    Manifest,
    StreamError,
    fingerprint,
    stream_kind,
)

INDEX_FILE = "packed.json"
COMMAND = (
    "python recipes/DESED/extract_streams.py recipes/DESED/hparams/"
    "extract.yaml --data_folder <data_folder> --prepared_folder "
    "{prepared} --streams_folder {folder} --streams '[{stream}]'"
)


class StoredStream:
    """The features of one stream, to be read.

    Arguments
    ---------
    streams_folder, stream : str
        Folder of all streams, and name of this one.

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

    @property
    def kind(self):
        """What the stream is made from; see `stream_kind`."""
        return stream_kind(self.description(), self.description_file)

    def command(self):
        """The command that extracts the stream, run in the project."""
        made_from = (self.description() or {}).get("made_from", self.stream)
        return COMMAND.format(
            prepared=os.path.dirname(self.streams_folder),
            folder=self.streams_folder,
            stream=made_from,
        )

    def error(self, problem):
        """A StreamError that ends in the command which puts it right."""
        return StreamError(f"{problem}:\n  {self.command()}")

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
            path = self.path(clip_id)
            raise self.error(f"{path} cannot be read ({error}). Run") from error

    def check(self, clip_ids, width, n_frames=64):
        """Raises a StreamError unless the stream fits and knows every clip."""
        description, name = self.description(), f"Stream {self.stream!r}"
        if description is None:
            raise self.error(
                f"{name} is not extracted: there is no "
                f"{self.description_file}. Run"
            )
        stored = description.get("width"), description.get("n_frames")
        if stored[0] != width:
            raise self.error(
                f"{name} in {self.folder} has vectors of length {stored[0]}, "
                f"but stream_widths says {width}. Correct stream_widths, or "
                f"remove the folder and run"
            )
        if stored[1] != n_frames:
            raise self.error(
                f"{name} in {self.folder} has {stored[1]} vectors per clip, "
                f"but the network takes {n_frames}. Remove the folder and "
                f"run, with --n_frames {n_frames}"
            )
        clip_ids = list(clip_ids)
        needed = [c for c in clip_ids if self.status(c) != "unavailable"]
        missing = [c for c in needed if not self._holds(c)]
        if missing:
            raise self.error(
                f"{name} is not complete: {len(missing)} of {len(clip_ids)} "
                f"clips are neither available nor unavailable in "
                f"{self.manifest_file}, the first being {missing[0]!r}. Run"
            )


class PackedStream(StoredStream):
    """A stream that is read from its packed form; see `store.pack_stream`.

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
            os.stat(self.file)
            self._position = {c: i for i, c in enumerate(index["clips"])}
            key = index["key"]
        except (OSError, ValueError, KeyError) as error:
            raise self.error(
                f"Stream {stream!r} has no packed form: {path} ({error}). "
                f"Set packed_streams: False, or run"
            ) from error
        if key != packed_key(self, index["clips"]):
            raise self.error(
                f"{path} is older than the stream: other clips or other "
                f"features have been extracted since. Set packed_streams: "
                f"False, or run"
            )

    def command(self):
        """The command that packs the stream again."""
        return f"{super().command()} --pack True"

    def _holds(self, clip_id):
        return clip_id in self._position

    def _load(self, clip_id):
        if clip_id not in self._position:
            raise self.error(f"{clip_id} is not in {self.file}. Run")
        return self._array[self._position[clip_id]]

    @functools.cached_property
    def _array(self):
        return np.load(self.file, mmap_mode="r")

    def __getstate__(self):
        """Without the map: a process that is started opens its own."""
        return {k: v for k, v in self.__dict__.items() if k != "_array"}


def packed_key(store, clips):
    """Changes when the features of any clip change; 16 hex digits."""
    digest = hashlib.sha256(fingerprint(store.description() or {}).encode())
    for clip_id in clips:
        row = store.rows.get(clip_id)
        found = None if row is None else (row.status, row.source)
        digest.update(repr((clip_id, found)).encode())
    return digest.hexdigest()[:16]
