"""Several processes on one corpus, and processes that are killed."""

import json
import multiprocessing
import time

import numpy as np
import pytest
from mean_colour import MeanColour
from stream_extraction import StreamExtraction

from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.dataio.streams.records import Manifest
from speechbrain_mmsed.dataio.streams.store import StreamStore

STAMPS = np.arange(20) * 0.1  # 2 s
N_CLIPS = 24

FORK = multiprocessing.get_context("fork")


class Slow(MeanColour):
    def forward(self, preprocessed):
        time.sleep(0.03)
        return super().forward(preprocessed)


def extract(clips_file, folder, pipe):
    """Extracts a corpus with a slow network; sends the clips it saw."""
    clips = json.loads(clips_file.read_text())
    run = StreamExtraction(
        {"slow": FrameEmbedding(Slow())}, folder, n_frames=8, clip_seconds=2.0
    )
    pipe.send("ready")
    pipe.recv()
    seen, store = [], run.stores["slow"]
    write = store.write

    def noted(clip_id, *rest):
        seen.append(clip_id)
        write(clip_id, *rest)

    store.write = noted
    report = run.run(clips, progress=False)["slow"]
    pipe.send((seen, report.available, report.unavailable))


@pytest.fixture(scope="module")
def clips_file(tmp_path_factory, numbered_film):
    """Manifest rows of clips of 2 s; every sixth has no film."""
    folder = tmp_path_factory.mktemp("films")
    film = numbered_film(folder / "film.mp4", STAMPS)
    clips = {}
    for n in range(N_CLIPS):
        gone = n % 6 == 5
        clips[f"weak/{n}"] = {
            "video": "" if gone else film,
            "video_status": "absent" if gone else "present",
            "duration": 2.0,
        }
    path = folder / "clips.json"
    path.write_text(json.dumps(clips))
    return path


def start(clips_file, folder):
    """A process, and a pipe to it, that waits for a word before it begins."""
    pipe, other = FORK.Pipe()
    # A copy of this process has loaded all libraries.
    process = FORK.Process(target=extract, args=(clips_file, folder, other))
    process.start()
    other.close()
    assert pipe.recv() == "ready"
    return process, pipe


def test_two_processes_do_each_clip_once(clips_file, tmp_path):
    both = [start(clips_file, tmp_path) for _ in range(2)]
    for _, pipe in both:
        pipe.send("go")
    outputs = [pipe.recv() for _, pipe in both]
    seen = [clip for output in outputs for clip in output[0]]
    assert len(seen) == len(set(seen)) == N_CLIPS * 5 // 6
    assert all(output[0] for output in outputs), "one did all the work"
    for output in outputs:
        # Both wait for the whole corpus and report all of it.
        assert output[1:] == (N_CLIPS * 5 // 6, {"absent": N_CLIPS // 6})
    store = StreamStore(tmp_path, "slow")
    assert set(store.rows) == {f"weak/{n}" for n in range(N_CLIPS)}
    one = store.read("weak/0")
    for n in range(N_CLIPS):
        found = store.read(f"weak/{n}")
        assert found is None if n % 6 == 5 else (found == one).all()


def test_killed_and_started_again(clips_file, tmp_path):
    process, pipe = start(clips_file, tmp_path)
    pipe.send("go")
    manifest = tmp_path / "slow" / "manifest.csv"
    deadline = time.monotonic() + 30
    while len(Manifest(manifest).rows) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    before = StreamStore(tmp_path, "slow").rows
    done = {c for c, row in before.items() if row.status == "available"}
    assert 3 <= len(done) < N_CLIPS * 5 // 6
    _, pipe = start(clips_file, tmp_path)
    pipe.send("go")
    seen, available, _ = pipe.recv()
    assert available == N_CLIPS * 5 // 6
    assert not done & set(seen) and len(seen) == available - len(done)
    rows = StreamStore(tmp_path, "slow").rows.values()
    covered = [r.covered_seconds for r in rows if r.status == "available"]
    assert covered == pytest.approx([2.0] * available)
