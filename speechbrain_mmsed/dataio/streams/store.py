"""Writing a stream: a file of features per clip, and who has none.

Whatever is killed or fails, what is there is whole: a clip's file is renamed
when it is complete, then its row is appended to the manifest. `stored.py`
says how a stream lies on disk.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import glob
import io
import os

import numpy as np
from tqdm import tqdm

from speechbrain_mmsed.dataio.streams.identity import IDENTITY, fingerprint
from speechbrain_mmsed.dataio.streams.packed import INDEX_FILE, packed_key
from speechbrain_mmsed.dataio.streams.records import (
    COLUMNS,
    ClipRow,
    Manifest,
    StreamError,
    stream_kind,
)
from speechbrain_mmsed.dataio.streams.stored import StoredStream
from speechbrain_mmsed.files import (
    atomic_path,
    disk_full_explained,
    write_json,
    write_text,
)
from speechbrain_mmsed.folders import changed_settings, locked, remove_leftovers

# What computes features, for the record.
LIBRARIES = ("speechbrain_mmsed", "torch", "av", "numpy")


class StreamStore(StoredStream):
    """The features of one stream, to be read and written.

    Arguments
    ---------
    streams_folder, stream : str
        Folder of all streams, and name of this one.

    Example
    -------
    >>> store = StreamStore(getfixture("tmp_path"), "pictures")
    >>> store.write("weak/a", np.ones((64, 3)), covered_seconds=10.0)
    >>> store.mark_unavailable("weak/b", "absent")
    >>> store.read("weak/a").shape, store.read("weak/b")
    ((64, 3), None)
    """

    def refresh(self):
        """Learns what other processes have done since."""
        self.manifest.refresh()

    def begin(self, description, adopt=()):
        """Prepares the folder for features of a description, and returns it.

        Of the keys in `adopt` a stored value is as welcome as the one given,
        and replaces it. A StreamError if the folder holds features made
        otherwise.
        """
        with locked(os.path.join(self.folder, ".begin.lock")):
            description = self._agreed(description, adopt)
        remove_leftovers(self.folder)
        return description

    def _agreed(self, description, adopt):
        """Writes `stream.json`, or makes sure that the one there agrees."""
        found, path = self.description(), self.description_file
        if found is None:
            write_json(path, description)
            return description
        kinds = stream_kind(found, path), stream_kind(description)
        if "kind" in found and kinds[0] != kinds[1]:
            raise StreamError(
                f"{path} says that the stream is made from {kinds[0]}, and "
                f"not from {kinds[1]}: correct the one or the other"
            )
        stored = {key: found[key] for key in adopt if key in found}
        description = {**description, **stored}
        if fingerprint(found) == fingerprint(description):
            # Features made before this was recorded can be made again, too.
            if "embedder" in description and "embedder" not in found:
                embedder = description["embedder"]
                write_json(path, {**found, "embedder": embedder})
            return description
        changed = changed_settings(found, description)
        differing = "\n".join(
            "  {}: stored {!r}, asked for {!r}".format(key, *changed[key])
            for key in IDENTITY
            if key in changed
        )
        raise StreamError(
            f"{path} says that the features beside it have the fingerprint "
            f"{fingerprint(found)}, but those asked for have "
            f"{fingerprint(description)}:\n{differing}\n"
            f"Give the yaml the stored settings, choose another "
            f"streams_folder, or remove the folder of that file."
        )

    def write(self, clip_id, features, covered_seconds=None, source=""):
        """Stores a clip's (T, D) features.

        `source` is what they were derived from; see `ClipRow`. A StreamError if
        float16, as which they are stored, cannot hold them.
        """
        with np.errstate(over="ignore"):  # reported below
            half = np.asarray(features).astype(np.float16)
        if not np.isfinite(half).all():
            raise StreamError(
                f"{self.stream}: features of {clip_id} are not finite or "
                f"exceed the range of float16"
            )
        with atomic_path(self.path(clip_id)) as name:
            # numpy's own error does not say that a disk is full.
            content = io.BytesIO()
            np.save(content, half)
            with open(name, "wb") as file:
                file.write(content.getbuffer())
        self._note(clip_id, "available", "", covered_seconds, source)

    def mark_unavailable(self, clip_id, reason, covered_seconds=0.0, source=""):
        """Notes why a clip does not have the stream; otherwise as `write`."""
        if os.path.exists(self.path(clip_id)):
            os.remove(self.path(clip_id))
        self._note(clip_id, "unavailable", reason, covered_seconds, source)

    def _note(self, *cells):
        row = ClipRow(*cells)
        os.makedirs(self.folder, exist_ok=True)
        _append_row(self.manifest_file, row)
        self.rows[row.clip_id] = row

    def is_done(self, clip_id, source, shape):
        """Whether a clip is unavailable for this source, or has a whole file.

        A file that the manifest does not know (its process was killed before it
        wrote the row) is made again: nobody knows what it covers and from which
        film it is.
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

    def finish(self):
        """Sorts the manifest and drops rows that later ones replace."""
        _tidy_manifest(self.manifest_file)
        self.refresh()


def _alone(path):
    """Keeps other writers of a manifest waiting."""
    return locked(os.path.join(os.path.dirname(path), ".manifest.lock"))


def _lines(rows):
    """CSV text of rows of a manifest."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        seconds = row.covered_seconds
        seconds = "" if seconds is None else f"{seconds:.3f}"
        reason = " ".join(row.reason.split())
        writer.writerow([row.clip_id, row.status, reason, seconds, row.source])
    return text.getvalue()


def _append_row(path, row):
    """Adds a row at the end of a manifest, which is made if needed."""
    line = _lines([row])
    with _alone(path), disk_full_explained(path), open(path, "a+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            line = ",".join(COLUMNS) + "\n" + line
        else:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # a row that a full disk cut off
                line = "\n" + line
        file.write(line.encode())


def _tidy_manifest(path):
    """Sorts a manifest; rows that other processes add meanwhile are kept."""
    with _alone(path):
        rows = Manifest(path).rows
        text = _lines(rows[key] for key in sorted(rows))
        write_text(path, ",".join(COLUMNS) + "\n" + text)
    return rows


def pack_stream(store, clip_ids, progress=False):
    """Writes the packed form of a stream, refused once its files change.

    Arguments
    ---------
    store : StoredStream
        The stream, extracted.
    clip_ids : iterable of str
        Clips to pack; those without features are left out.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    StreamError
        If a clip is not extracted or its features have another shape.

    Example
    -------
    >>> store = StreamStore(getfixture("tmp_path"), "pictures")
    >>> _ = store.begin({"width": 3, "n_frames": 64})
    >>> store.write("weak/a", np.ones((64, 3)))
    >>> pack_stream(store, ["weak/a"])
    """
    description, clip_ids = store.description() or {}, list(clip_ids)
    shape = (description.get("n_frames"), description.get("width"))
    store.check(clip_ids, width=shape[1], n_frames=shape[0])
    clips = sorted(c for c in clip_ids if store.status(c) == "available")
    key = packed_key(store, clips)
    name = f"packed-{key}.npy"
    path = os.path.join(store.folder, name)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        # Written from front to back: on a full disk this fails with an
        # error, where writing to mapped memory would kill the process.
        header = {"descr": np.dtype(np.float16).str, "fortran_order": False}
        header["shape"] = (len(clips), *shape)
        np.lib.format.write_array_header_1_0(file, header)
        title = "packing " + store.stream
        for clip_id in tqdm(clips, title, unit="clip", disable=not progress):
            features = np.load(store.path(clip_id))
            if features.shape != shape:
                raise store.error(
                    f"{store.path(clip_id)} holds {features.shape}, expected "
                    f"{shape}. Remove it and run"
                )
            file.write(features.astype(np.float16).tobytes())
    # The index is written when its file is whole, and the earlier file is
    # removed when no index names it any more.
    index = {"file": name, "key": key, "clips": clips}
    write_json(os.path.join(store.folder, INDEX_FILE), index)
    for old in glob.glob(os.path.join(glob.escape(store.folder), "packed-*")):
        if os.path.basename(old) != name:
            os.remove(old)
