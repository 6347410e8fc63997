"""Features of the films of a whole corpus, one decoding pass per clip.

Walks the clips of the corpus' manifests, looks at each film at the times of
the network's frames (section 2.1 of the paper), embeds the pictures with
every chosen network and stores one file per clip and stream. Films are read
ahead in threads while a network computes. What is done is not done again.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import concurrent.futures
import dataclasses
import os
import sys
import time

from tqdm import tqdm

from speechbrain_mmsed.dataio.extraction_report import count_clips
from speechbrain_mmsed.dataio.media import (
    MediaError,
    grid_times,
    read_frames_at_sizes,
)
from speechbrain_mmsed.dataio.stream_description import library_versions
from speechbrain_mmsed.dataio.stream_store import StreamStore


@dataclasses.dataclass
class _Look:
    """What the reading thread hands to the network."""

    clip_id: str
    frames: list
    reason: str
    covered_seconds: float
    busy: float


class StreamExtraction:
    """Extracts streams of a corpus.

    Arguments
    ---------
    embeddings : dict
        Stream name -> FrameEmbedding.
    streams_folder : str
        Folder of all streams.
    n_frames : int
        Feature vectors T per clip.
    clip_seconds : float
        Nominal length of a clip.
    min_coverage : float
        A clip of whose length (at most `clip_seconds`) the film shows a
        smaller fraction counts as having no film.
    read_ahead : int
        Threads that read films, and clips held in memory beside the one
        that is computed.

    Example
    -------
    >>> extraction = StreamExtraction({}, getfixture("tmp_path"))
    >>> extraction.run({}, progress=False)
    {}
    """

    def __init__(
        self,
        embeddings,
        streams_folder,
        n_frames=64,
        clip_seconds=10.0,
        min_coverage=0.5,
        read_ahead=2,
    ):
        self.embeddings = embeddings
        self.min_coverage = min_coverage
        self.read_ahead = max(1, int(read_ahead))
        self.clip_seconds = clip_seconds
        self.times = grid_times(n_frames, clip_seconds)
        self.seconds = {"reading": 0.0, "network": 0.0, "all": 0.0}
        self.stores = {}
        for stream, embedding in embeddings.items():
            store = StreamStore(streams_folder, stream)
            store.begin(self._description(embedding))
            self.stores[stream] = store

    def _description(self, embedding):
        """Content of a stream's `stream.json`."""
        return {
            **embedding.embedder.description(),
            "width": embedding.embedder.width,
            "n_frames": len(self.times),
            "clip_seconds": self.clip_seconds,
            "precision": embedding.precision,
            "versions": library_versions(),
        }

    def run(self, clips, progress=True):
        """Extracts what is missing.

        Arguments
        ---------
        clips : dict
            clip_id -> dict with "video" (path or ""), "video_status"
            and "duration" (s), as in the corpus' manifests.
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        reports : dict
            Stream name -> StreamReport.

        Raises
        ------
        DiskFullError
            If there is no room left; nothing is left half written.
        """
        begin = time.perf_counter()
        todo = {key: self._missing(key, clip) for key, clip in clips.items()}
        before = {
            stream: sum(stream not in todo[clip_id] for clip_id in clips)
            for stream in self.stores
        }
        todo = {key: streams for key, streams in todo.items() if streams}
        bar = tqdm(
            total=len(todo),
            unit="clip",
            smoothing=0.05,
            disable=not progress,
            # A log file shall not fill up with states of the bar.
            mininterval=0.5 if sys.stderr.isatty() else 30.0,
        )
        with bar:
            for look in self._looks(todo, clips):
                self._store(look, todo[look.clip_id], clips[look.clip_id])
                bar.update()
        for store in self.stores.values():
            store.finish()
        self.seconds["all"] += time.perf_counter() - begin
        return {
            stream: count_clips(
                store,
                clips,
                before[stream],
                self.clip_seconds,
                len(self.times),
            )
            for stream, store in self.stores.items()
        }

    def _length(self, clip):
        """Seconds of a clip that the network sees."""
        return min(clip["duration"], self.clip_seconds)

    def _missing(self, clip_id, clip):
        """Streams in which nothing (or something else) is stored."""
        source = _source(clip)
        needed = self.min_coverage * self._length(clip)
        missing = []
        for stream, store in self.stores.items():
            width = self.embeddings[stream].embedder.width
            done = store.is_done(clip_id, source, (len(self.times), width))
            if done and clip["video"]:
                row = store.rows[clip_id]
                covered = row.covered_seconds
                enough = covered is None or covered >= needed
                done = enough == (row.status == "available")
            if not done:
                missing.append(stream)
        return missing

    def _looks(self, todo, clips):
        """Reads films ahead; yields in the order of `todo`."""
        pending = collections.deque()
        queue = iter(todo.items())
        pool = concurrent.futures.ThreadPoolExecutor(self.read_ahead)
        try:
            while True:
                while len(pending) <= self.read_ahead:
                    clip_id, streams = next(queue, (None, None))
                    if clip_id is None:
                        break
                    pending.append(
                        pool.submit(
                            self._look, clip_id, clips[clip_id], streams
                        )
                    )
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _look(self, clip_id, clip, streams):
        """Pictures of one clip, or the reason why there are none."""
        begin = time.perf_counter()
        look = _Look(clip_id, [], clip["video_status"], 0.0, 0.0)
        if clip["video"]:
            sizes = [
                self.embeddings[stream].embedder.frame_size
                for stream in streams
            ]
            try:
                look.frames, covered = read_frames_at_sizes(
                    clip["video"], self.times, sizes
                )
                length = self._length(clip)
                within = self.times < length
                fraction = covered[within].mean() if within.any() else 0.0
                look.covered_seconds = float(fraction) * length
                look.reason = ""
                if fraction < self.min_coverage:
                    look.reason = (
                        f"too short: {look.covered_seconds:.2f} of "
                        f"{length:.2f} s"
                    )
            except MediaError as error:
                look.reason = error.reason
        look.busy = time.perf_counter() - begin
        return look

    def _store(self, look, streams, clip):
        """Embeds and writes one clip."""
        self.seconds["reading"] += look.busy
        details = (look.covered_seconds, _source(clip))
        for index, stream in enumerate(streams):
            store = self.stores[stream]
            if look.reason:
                store.mark_unavailable(look.clip_id, look.reason, *details)
                continue
            begin = time.perf_counter()
            features = self.embeddings[stream](look.frames[index])
            self.seconds["network"] += time.perf_counter() - begin
            store.write(look.clip_id, features, *details)


def _source(clip):
    """What the outcome for a clip depends on; see `ClipRow`."""
    if not clip["video"]:
        return clip["video_status"]
    try:
        return f"{os.path.getsize(clip['video'])} bytes"
    except OSError:
        return "absent"
