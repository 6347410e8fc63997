"""One stream on disk: a file of features per clip, and who has none.

The layout of a stream's folder:

- `<clip_id>.npy`: (T, D) float16;
- `manifest.csv`: whether each clip is available, and why not;
- `stream.json`: by which network and from what the features were made.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import io
import os

import numpy as np

from speechbrain_mmsed.dataio.streams.description import (
    StreamError,
    agree_on_description,
    extraction_command,
    read_description,
)
from speechbrain_mmsed.dataio.streams.manifest import (
    ClipRow,
    ManifestReader,
    append_row,
    tidy_manifest,
)
from speechbrain_mmsed.files import atomic_path, locked, remove_leftovers


class StreamStore:
    """The features of one stream.

    Arguments
    ---------
    streams_folder : str
        Folder of all streams.
    stream : str
        Name of the stream.

    Example
    -------
    >>> store = StreamStore(getfixture("tmp_path"), "pictures")
    >>> store.write("weak/a", np.ones((64, 3)), covered_seconds=10.0)
    >>> store.mark_unavailable("weak/b", "absent")
    >>> store.read("weak/a").shape, store.read("weak/b")
    ((64, 3), None)
    """

    def __init__(self, streams_folder, stream):
        self.streams_folder = os.path.abspath(streams_folder)
        self.stream = stream
        self.folder = os.path.join(self.streams_folder, stream)
        self.manifest_file = os.path.join(self.folder, "manifest.csv")
        self.description_file = os.path.join(self.folder, "stream.json")
        self._manifest = None

    @property
    def rows(self):
        """clip_id -> ClipRow of the manifest, read once; see `refresh`."""
        if self._manifest is None:
            self._manifest = ManifestReader(self.manifest_file)
        return self._manifest.rows

    def refresh(self):
        """Learns what other processes have done since."""
        if self._manifest is not None:
            self._manifest.refresh()

    def path(self, clip_id):
        """File of a clip's features."""
        return os.path.join(self.folder, f"{clip_id}.npy")

    def description(self):
        """Content of `stream.json`, or None if there is none."""
        return read_description(self.description_file)

    def begin(self, description, adopt=()):
        """Prepares the folder for features of this description.

        Arguments
        ---------
        description, adopt
            As `agree_on_description` takes them.

        Returns
        -------
        description : dict
            That of the features which are to be added.

        Raises
        ------
        StreamError
            If the folder holds features made otherwise.
        """
        with locked(os.path.join(self.folder, ".begin.lock")):
            description = agree_on_description(
                self.description_file, description, adopt
            )
        remove_leftovers(self.folder)
        return description

    def write(self, clip_id, features, covered_seconds=None, source=""):
        """Stores a clip's features.

        Arguments
        ---------
        clip_id : str
            The clip.
        features : np.ndarray
            (T, D) numbers.
        covered_seconds : float or None
            How much of the clip the film shows.
        source : str
            What they were derived from; see `ClipRow`.
        """
        with np.errstate(over="ignore"):  # reported below
            half = np.asarray(features).astype(np.float16)
        if not np.isfinite(half).all():
            raise StreamError(
                f"{self.stream}: features of {clip_id} are not finite or "
                f"exceed the range of float16"
            )
        path = self.path(clip_id)
        with atomic_path(path) as name:
            # numpy's own error does not say that a disk is full.
            content = io.BytesIO()
            np.save(content, half)
            with open(name, "wb") as file:
                file.write(content.getbuffer())
        self._note(ClipRow(clip_id, "available", "", covered_seconds, source))

    def mark_unavailable(self, clip_id, reason, covered_seconds=0.0, source=""):
        """Notes that a clip lacks the stream.

        Arguments
        ---------
        clip_id, covered_seconds, source
            As in `write`.
        reason : str
            Why, in the wording of the corpus' manifests.
        """
        if os.path.exists(self.path(clip_id)):
            os.remove(self.path(clip_id))
        self._note(
            ClipRow(clip_id, "unavailable", reason, covered_seconds, source)
        )

    def status(self, clip_id):
        """ "available", "unavailable", or None for a clip not yet done."""
        row = self.rows.get(clip_id)
        if row is not None:
            return row.status
        return "available" if os.path.exists(self.path(clip_id)) else None

    def knows(self, clip_id):
        """Whether a clip is unavailable or its features are there."""
        return self.status(clip_id) == "unavailable" or os.path.exists(
            self.path(clip_id)
        )

    def is_done(self, clip_id, source, shape):
        """Whether nothing is left to do for a clip.

        Arguments
        ---------
        clip_id : str
            The clip.
        source : str
            What it would be derived from now.
        shape : tuple
            (T, D) that its features must have.

        Returns
        -------
        done : bool
            True if it is unavailable for the same source, or its file was
            made from that and is whole. A file that the manifest does not
            know (its process was killed before it wrote the row) is made
            again: nobody knows what it covers and from which film it is.
        """
        row = self.rows.get(clip_id)
        if row is None or row.source != source:
            return False
        if row.status == "unavailable":
            return True
        try:
            found = np.load(self.path(clip_id), mmap_mode="r").shape
        except (OSError, ValueError, EOFError):
            return False
        return found == tuple(shape)

    def read(self, clip_id):
        """A clip's features, or None if it is unavailable.

        Returns
        -------
        features : np.ndarray or None
            (T, D) float32.
        """
        row = self.rows.get(clip_id)
        if row is not None and row.status == "unavailable":
            return None
        try:
            return np.load(self.path(clip_id)).astype(np.float32)
        except (OSError, ValueError, EOFError) as error:
            raise StreamError(
                f"{self.path(clip_id)} cannot be read ({error}). "
                f"Run:\n  {self.command()}"
            ) from error

    def check(self, clip_ids, width, n_frames=64):
        """Makes sure that the stream fits and knows of every clip.

        Arguments
        ---------
        clip_ids : iterable of str
            The clips that will be asked for.
        width : int
            Length D of the feature vectors that is expected.
        n_frames : int
            Vectors per clip that are expected.

        Raises
        ------
        StreamError
            If not; says which command puts it right.
        """
        description, run = self.description(), f"Run:\n  {self.command()}"
        if description is None:
            raise StreamError(
                f"Stream {self.stream!r} is not extracted: there is no "
                f"{self.description_file}. {run}"
            )
        if description.get("width") != width:
            raise StreamError(
                f"Stream {self.stream!r} in {self.folder} has vectors of "
                f"length {description.get('width')}, but stream_widths "
                f"says {width}. Correct stream_widths, or remove the folder "
                f"and run:\n  {self.command()}"
            )
        if description.get("n_frames") != n_frames:
            raise StreamError(
                f"Stream {self.stream!r} in {self.folder} has "
                f"{description.get('n_frames')} vectors per clip, but the "
                f"network takes {n_frames}. Remove the folder and run, with "
                f"--n_frames {n_frames}:\n  {self.command()}"
            )
        clip_ids = list(clip_ids)
        missing = [clip_id for clip_id in clip_ids if not self.knows(clip_id)]
        if missing:
            raise StreamError(
                f"Stream {self.stream!r} is not complete: {len(missing)} of "
                f"{len(clip_ids)} clips are neither available nor "
                f"unavailable in {self.manifest_file}, the first being "
                f"{missing[0]!r}. {run}"
            )

    def finish(self):
        """Sorts the manifest and drops rows that later ones replace."""
        tidy_manifest(self.manifest_file)
        self._manifest = None

    def command(self):
        """As `extraction_command`."""
        made_from = (self.description() or {}).get("made_from", self.stream)
        return extraction_command(self.streams_folder, made_from)

    def _note(self, row):
        os.makedirs(self.folder, exist_ok=True)
        append_row(self.manifest_file, row)
        self.rows[row.clip_id] = row
