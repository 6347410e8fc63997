"""A stream on disk, as training reads it.

The layout of a stream's folder:

- `<clip_id>.npy`: (T, D) float16;
- `manifest.csv`: whether each clip is available, and why not;
- `stream.json`: by which network and from what the features were made.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import os

import numpy as np

from speechbrain_mmsed.dataio.streams.records import (
    Manifest,
    StreamError,
    stream_kind,
)
from speechbrain_mmsed.files import read_arrays, read_json

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
            return read_json(self.description_file)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StreamError(f"{error}, with its folder") from error

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
        found = self._load(clip_id)
        if found.dtype.str[:2] != "<f" or not np.isfinite(found).all():
            path = self.path(clip_id)
            raise self.error(
                f"{path}: {found.dtype}, or NaN. Remove it and run"
            )
        return found.astype(np.float32)

    def _holds(self, clip_id):
        """Whether features of a clip are there."""
        return os.path.exists(self.path(clip_id))

    def _load(self, clip_id):
        """Features of a clip as they are stored."""
        try:
            return read_arrays(self.path(clip_id))[""]
        except (OSError, ValueError) as error:
            raise self.error(f"A clip cannot be read: {error}. Run") from error

    def check(self, clip_ids, width, n_frames=64):
        """Raises a StreamError unless the stream fits and knows every clip."""
        description, name = self.description(), f"Stream {self.stream!r}"
        if description is None:
            raise self.error(
                f"{name} is not extracted: there is no "
                f"{self.description_file}. Run"
            )
        stream_kind(description, self.description_file)
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
