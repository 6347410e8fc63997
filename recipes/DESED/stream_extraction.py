"""Features of the films and sounds of a corpus, one pass over each clip.

Walks the clips of the corpus' manifests and stores one file per clip and
stream (section 2.1 of the paper). What is done is not done again, and
several processes may walk the same corpus: each clip is done once.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import contextlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from stream_claims import Claims
from stream_report import count_clips
from tqdm import tqdm

from speechbrain_mmsed.dataio.streams.clip_features import (
    ClipFeatureReader,
    ClipSoundReader,
    source_of,
)
from speechbrain_mmsed.dataio.streams.store import LIBRARIES, StreamStore
from speechbrain_mmsed.versions import library_versions

# Seconds between two looks at clips that other processes are doing.
PATIENCE = 0.5
# Enough decoding threads to keep a GPU busy, where there are as many cores.
MAX_READERS = 8


class StreamExtraction:
    """Extracts streams of a corpus.

    Arguments
    ---------
    embeddings : dict
        Stream name -> FrameEmbedding or SoundEmbedding.
    streams_folder : str
        Folder of all streams.
    n_frames, clip_seconds, min_coverage
        As for `ClipFeatureReader`.
    workers : int or None
        Threads, each working on a clip, which also bounds the memory.
        None: as many as torch uses on a CPU, which is one per processor
        unless OMP_NUM_THREADS says otherwise; for a GPU at most 8.
    made_from, recipes : dict or None
        Stream name -> how the yaml calls its network, where that differs, and
        how to build it again, as `embedder_recipe` says.

    Raises
    ------
    StreamError
        If a stream was begun with other settings.

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
        workers=None,
        made_from=None,
        recipes=None,
    ):
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        self.kinds = {s: e.embedder.kind for s, e in embeddings.items()}
        films, sounds = (
            {s: e for s, e in embeddings.items() if self.kinds[s] == kind}
            for kind in ("film", "sound")
        )
        self.reader = ClipFeatureReader(
            films, n_frames, clip_seconds, min_coverage
        )
        self.readers = {
            "film": self.reader,
            "sound": ClipSoundReader(sounds, n_frames, clip_seconds),
        }
        self.on_cpu = {e.device.type for e in embeddings.values()} <= {"cpu"}
        readers = min(os.cpu_count() or 1, MAX_READERS)
        threads = torch.get_num_threads() if self.on_cpu else readers
        self.workers = workers or threads
        self.seconds = {"reading": 0.0, "network": 0.0, "all": 0.0}
        self.stores, self.shapes = {}, {}
        for stream, embedding in embeddings.items():
            store = StreamStore(streams_folder, stream)
            description = {
                **embedding.description(),
                "kind": embedding.embedder.kind,
                "width": embedding.embedder.width,
                "n_frames": n_frames,
                "clip_seconds": clip_seconds,
                "precision": embedding.precision,
                "versions": library_versions(LIBRARIES),
                "made_from": (made_from or {}).get(stream, stream),
            }
            if recipes and stream in recipes:
                description["embedder"] = recipes[stream]
            # Another machine would choose otherwise, but a stream has one.
            adopt = ("precision",) if embedding.automatic else ()
            embedding.adopt(store.begin(description, adopt)["precision"])
            self.stores[stream] = store
            self.shapes[stream] = (n_frames, embedding.embedder.width)

    def run(self, clips, progress=True):
        """Extracts what is missing.

        Arguments
        ---------
        clips : dict
            clip_id -> dict with "video" (path or ""), "video_status",
            "wav" (path) and "duration" (s), as in the corpus' manifests.
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        dict
            Stream name -> StreamReport.

        Raises
        ------
        DiskFullError
            If there is no room left; nothing is left half written.
        """
        begin = time.perf_counter()
        missing = {key: self._missing(key, clip) for key, clip in clips.items()}
        todo = [key for key, streams in missing.items() if streams]
        # Those without a film take no time: were they among the others, the
        # remaining time would be wrong.
        quick, slow = [], []
        for key in todo:
            films = {self.kinds[s] for s in missing[key]} == {"film"}
            none = films and not clips[key]["video"]
            (quick if none else slow).append(key)
        with contextlib.ExitStack() as stack:
            claims = {
                stream: stack.enter_context(Claims(store.folder))
                for stream, store in self.stores.items()
            }
            bar = tqdm(
                total=len(todo),
                initial=sum(self._results(quick, clips, claims)),
                unit="clip",
                smoothing=0.05,
                disable=not progress,
                # A log file shall not fill up with states of the bar.
                mininterval=0.5 if sys.stderr.isatty() else 30.0,
            )
            stack.enter_context(bar)
            for done in self._results(slow, clips, claims):
                bar.update(done)
        for store in self.stores.values():
            store.finish()
        self.seconds["all"] += time.perf_counter() - begin
        lengths = self.reader.clip_seconds, len(self.reader.times)
        reports = {}
        for stream, store in self.stores.items():
            before = sum(stream not in needed for needed in missing.values())
            reports[stream] = count_clips(store, clips, before, *lengths)
        return reports

    def _missing(self, clip_id, clip):
        """Streams in which nothing (or something else) is stored."""
        missing = []
        needed = self.reader.min_coverage * self.reader.length(clip)
        for stream, store in self.stores.items():
            kind = self.kinds[stream]
            source = source_of(clip, kind)
            done = store.is_done(clip_id, source, self.shapes[stream])
            if done and kind == "film" and clip["video"]:
                row = store.rows[clip_id]
                covered = row.covered_seconds
                enough = covered is None or covered >= needed
                done = enough == (row.status == "available")
            if not done:
                missing.append(stream)
        return missing

    def _claim(self, clip_id, clip, claims):
        """Streams of a clip that this process may do, and the others'."""
        wanted = self._missing(clip_id, clip)
        mine = [s for s in wanted if claims[s].take(clip_id)]
        for stream in mine:
            self.stores[stream].refresh()
        # The previous holder of the claim may have finished the clip.
        missing = self._missing(clip_id, clip)
        for stream in set(mine) - set(missing):
            claims[stream].release(clip_id)
        return [s for s in mine if s in missing], set(missing) - set(mine)

    def _results(self, todo, clips, claims):
        """Does clip after clip; yields the number of finished ones."""
        waiting, pending = collections.deque(todo), collections.deque()
        elsewhere = []
        with self._threads() as pool:
            while waiting or pending or elsewhere:
                # One more than are being done: no thread waits for a task.
                while waiting and len(pending) <= self.workers:
                    clip_id = waiting.popleft()
                    clip = clips[clip_id]
                    mine, others = self._claim(clip_id, clip, claims)
                    if others:
                        elsewhere.append(clip_id)
                    if mine:
                        futures = self._submit(pool, clip_id, clip, mine)
                        pending.append((futures, not others))
                    elif not others:
                        yield 1  # another process did it
                if pending:
                    futures, whole = pending.popleft()
                    for future, streams in futures:
                        self._store(future.result(), streams, claims)
                    yield int(whole)
                elif elsewhere and not waiting:
                    time.sleep(PATIENCE)
                    for store in self.stores.values():
                        store.refresh()
                    waiting.extend(elsewhere)
                    elsewhere = []

    def _submit(self, pool, clip_id, clip, streams):
        """(future, its streams) for each kind of stream."""
        kinds = {self.kinds[stream] for stream in streams}
        alike = [[s for s in streams if self.kinds[s] == k] for k in kinds]
        return [
            (pool.submit(self.readers[kind], clip_id, clip, mine), mine)
            for kind, mine in zip(kinds, alike, strict=True)
        ]

    def _store(self, result, streams, claims):
        """Writes the features of one clip."""
        self.seconds["reading"] += result.reading
        self.seconds["network"] += result.network
        details = (result.covered_seconds, result.source)
        for stream in streams:
            store, clip_id = self.stores[stream], result.clip_id
            if result.reason:
                store.mark_unavailable(clip_id, result.reason, *details)
            else:
                store.write(clip_id, result.features[stream], *details)
            claims[stream].release(clip_id)

    @contextlib.contextmanager
    def _threads(self):
        """A pool of threads that share the processors.

        One clip per processor is faster than one on all: the small layers of
        image networks do not split well, and decoding does not at all.
        """
        before = torch.get_num_threads()
        share = max(1, before // self.workers) if self.on_cpu else before
        pool = ThreadPoolExecutor(
            self.workers, initializer=torch.set_num_threads, initargs=(share,)
        )
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            # The last value set is what later threads start with.
            torch.set_num_threads(before)
