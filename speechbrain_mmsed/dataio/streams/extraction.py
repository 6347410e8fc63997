"""Features of the films of a whole corpus, one decoding pass per clip.

Walks the clips of the corpus' manifests and stores one file per clip and
stream (section 2.1 of the paper). What is done is not done again, and
several processes may walk the same corpus: each clip is done once.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import contextlib
import sys
import time

from tqdm import tqdm

from speechbrain_mmsed.dataio.streams.claims import Claims
from speechbrain_mmsed.dataio.streams.clip_features import (
    ClipFeatureReader,
    source_of,
)
from speechbrain_mmsed.dataio.streams.description import library_versions
from speechbrain_mmsed.dataio.streams.extraction_report import count_clips
from speechbrain_mmsed.dataio.streams.extraction_workers import Workers
from speechbrain_mmsed.dataio.streams.store import StreamStore

# Seconds between two looks at clips that other processes are doing.
PATIENCE = 0.5


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
    workers : int or None
        Clips in work at once, which also bounds the memory; None: one per
        processor on a CPU, and as many to keep a GPU busy. See `Workers`.
    made_from : dict or None
        Stream name -> how the yaml calls its network, where that differs.
    recipes : dict or None
        Stream name -> how to build its network again; see
        `stream_choice.embedder_recipe`.

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
        self.reader = ClipFeatureReader(
            embeddings, n_frames, clip_seconds, min_coverage
        )
        devices = {e.device.type for e in embeddings.values()}
        self.workers = Workers(workers, devices <= {"cpu"})
        self.seconds = {"reading": 0.0, "network": 0.0, "all": 0.0}
        self.stores = {}
        for stream, embedding in embeddings.items():
            store = StreamStore(streams_folder, stream)
            description = self._description(embedding)
            description["made_from"] = (made_from or {}).get(stream, stream)
            if recipes and stream in recipes:
                description["embedder"] = recipes[stream]
            # Another machine would choose otherwise, but a stream has one.
            adopt = ("precision",) if embedding.automatic else ()
            embedding.adopt(store.begin(description, adopt)["precision"])
            self.stores[stream] = store

    def _description(self, embedding):
        """Content of a stream's `stream.json`."""
        return {
            **embedding.embedder.description(),
            "width": embedding.embedder.width,
            "n_frames": len(self.reader.times),
            "clip_seconds": self.reader.clip_seconds,
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
        missing = {key: self._missing(key, clip) for key, clip in clips.items()}
        before = {
            stream: sum(stream not in missing[key] for key in clips)
            for stream in self.stores
        }
        todo = [key for key, streams in missing.items() if streams]
        # Those without a film take no time: were they among the others, the
        # remaining time would be wrong.
        quick = [key for key in todo if not clips[key]["video"]]
        slow = [key for key in todo if clips[key]["video"]]
        with contextlib.ExitStack() as stack:
            claims = {
                stream: stack.enter_context(Claims(store.folder))
                for stream, store in self.stores.items()
            }
            done = sum(self._results(quick, clips, claims))
            bar = tqdm(
                total=len(todo),
                initial=done,
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
        return {
            stream: count_clips(
                store,
                clips,
                before[stream],
                self.reader.clip_seconds,
                len(self.reader.times),
            )
            for stream, store in self.stores.items()
        }

    def _missing(self, clip_id, clip):
        """Streams in which nothing (or something else) is stored."""
        source = source_of(clip)
        needed = self.reader.min_coverage * self.reader.length(clip)
        missing = []
        for stream, store in self.stores.items():
            width = self.reader.embeddings[stream].embedder.width
            shape = (len(self.reader.times), width)
            done = store.is_done(clip_id, source, shape)
            if done and clip["video"]:
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
        # Whoever held the claim before may have finished the clip.
        missing = self._missing(clip_id, clip)
        for stream in set(mine) - set(missing):
            claims[stream].release(clip_id)
        return [s for s in mine if s in missing], set(missing) - set(mine)

    def _results(self, todo, clips, claims):
        """Does clip after clip; yields the number of finished ones."""
        waiting, elsewhere = collections.deque(todo), []
        pending = collections.deque()
        with self.workers as pool:
            while waiting or pending or elsewhere:
                while waiting and len(pending) < self.workers.ahead:
                    clip_id = waiting.popleft()
                    clip = clips[clip_id]
                    mine, others = self._claim(clip_id, clip, claims)
                    if others:
                        elsewhere.append(clip_id)
                    if mine:
                        future = pool.submit(self.reader, clip_id, clip, mine)
                        pending.append((future, mine, not others))
                    elif not others:
                        yield 1  # another process did it
                if pending:
                    future, mine, whole = pending.popleft()
                    self._store(future.result(), mine, claims)
                    yield int(whole)
                elif elsewhere and not waiting:
                    time.sleep(PATIENCE)
                    for store in self.stores.values():
                        store.refresh()
                    waiting.extend(elsewhere)
                    elsewhere = []

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
