"""Readers of features on disk."""

import csv
import shutil

import numpy as np
import soundfile
import torch
from mutations.plain import files_in, plain_json
from mutations.trial import Reader
from stream_import import StreamImport

from speechbrain_mmsed.dataio.corpus.features import training_statistics
from speechbrain_mmsed.dataio.corpus.log_mel_cache import LogMelCache
from speechbrain_mmsed.dataio.streams.packed import PackedStream, stream_form
from speechbrain_mmsed.dataio.streams.reading import open_streams, read_clip
from speechbrain_mmsed.dataio.streams.store import StreamStore, pack_stream
from speechbrain_mmsed.files import ClearError, write_json
from speechbrain_mmsed.lobes.frontend import LogMelFrontend

FRONTEND = LogMelFrontend(n_frames=4, n_mels=6, clip_seconds=0.1)


CLIPS = ("weak/a", "weak/b", "weak/c")


def made_stream(made):
    """A stream of two clips; the third has none."""
    store = StreamStore(made, "pics")
    store.begin({"kind": "film", "network": "x", "width": 3, "n_frames": 4})
    rng = np.random.default_rng(0)
    for clip in CLIPS[:2]:
        store.write(clip, rng.normal(size=(4, 3)), 10.0, "9 bytes")
    store.mark_unavailable(CLIPS[2], "absent, or not", 0.0)
    return store


def stream(made, form=None):
    """What training reads of a stream."""
    store = made_stream(made)
    if form is PackedStream:
        pack_stream(store, CLIPS)

    def read(folder):
        stores = open_streams(folder, ["pics"], {"pics": 3}, CLIPS, form, 4)
        return [read_clip(stores, clip, {"pics": 3}, 4) for clip in CLIPS]

    def statuses(folder):
        text = (folder / "pics/manifest.csv").read_bytes()
        found = {}
        for line in text.decode(errors="replace").split("\n")[:-1]:
            try:
                cells = next(csv.reader([line]), [])
                if len(cells) == 5 and cells[1] in ("available", "unavailable"):
                    float(cells[3] or 0)
                    found[cells[0]] = cells[1]
            except (ValueError, csv.Error):
                pass
        return found

    def obvious(folder):
        about = plain_json(folder / "pics/stream.json")
        assert about.get("kind", "film") in ("film", "sound", "other")
        assert (about["width"], about["n_frames"]) == (3, 4)
        found, there = [], statuses(folder)
        for clip in CLIPS:
            features = np.zeros((4, 3), np.float32)
            has = there.get(clip) != "unavailable"
            if has:
                features = features_of(folder / "pics", clip)
                assert features.dtype in (np.float16, np.float32, np.float64)
                assert features.shape == (4, 3)
                assert np.isfinite(features).all()
            found.append(([features.astype(np.float32)], np.array([True, has])))
        return found

    def features_of(folder, clip):
        if form is not PackedStream:
            return np.load(folder / f"{clip}.npy", allow_pickle=False)
        index = plain_json(folder / "packed.json")
        array = np.load(folder / index["file"], allow_pickle=False)
        assert array.shape[0] == len(index["clips"])
        return array[index["clips"].index(clip)]

    files = files_in(made)
    if form is PackedStream:
        files = {k: v for k, v in files.items() if "/weak/" not in k}
    names = ("pics", "packed")
    return Reader(files, read, obvious, lines=4, names=names)


def packed_stream(made):
    """The same in one file."""
    return stream(made, PackedStream)


def verified_stream(made):
    """The same, all of it looked at before a training begins."""
    return stream(made, stream_form(False))


def imported(made):
    """Features that another tool computed: one file of each kind."""
    rng, times = np.random.default_rng(0), np.arange(20) / 10
    vectors = rng.normal(size=(20, 3)).astype(np.float32)
    for name in "ab":
        np.savez(made / f"{name}.npz", embedding=vectors, timestamps=times)
    np.save(made / "c.npy", vectors)
    clips = {
        f"weak/{n}": {"filename": f"{n}.wav", "duration": 2.0} for n in "abc"
    }
    grid = (np.arange(4) + 0.5) / 2

    def read(folder):
        streams = folder.parent / "streams"
        shutil.rmtree(streams, ignore_errors=True)
        importer = StreamImport(
            *(folder, streams, "x", "sound", 4, 2.0), min_coverage=0.9, rate=10
        )
        importer.run(clips, progress=False)
        for clip, row in importer.store.rows.items():
            if row.reason:
                raise ClearError(f"{clip[-1]}.np: {row.reason}")
        return [importer.store.read(clip) for clip in clips]

    def obvious(folder):
        found = []
        for name in "ab":
            with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
                found.append((file["embedding"], file["timestamps"]))
        found.append((np.load(folder / "c.npy", allow_pickle=False), times))
        result = []
        for vectors, at in found:
            assert vectors.dtype.kind in "fiu" and at.dtype.kind in "fiu"
            assert (np.diff(at) > 0).all() and np.isfinite(vectors).all()
            apart = np.abs(at[None].astype(float) - grid[:, None])
            half = vectors[apart.argmin(1)].astype(np.float16)
            result.append(half.astype(np.float32))
        return result

    files = {name: made / name for name in ("a.npz", "b.npz", "c.npy")}
    return Reader(
        {name: path.read_bytes() for name, path in files.items()},
        read,
        obvious,
        damage=("b.npz", "c.npy"),
        names=("b.np", "c.np"),
        share=0.5,
    )


def log_mel_cache(made):
    """Log-mel features on disk, and the settings beside them."""
    cache = LogMelCache(made, FRONTEND)
    cache.write("weak/a", torch.linspace(-9, 3, 24).reshape(4, 6))
    files = files_in(made)
    (inside,) = (name for name in files if name.endswith(".npy"))

    def read(folder):
        return LogMelCache(folder, FRONTEND).read("weak/a").numpy()

    def obvious(folder):
        found = np.load(folder / inside, allow_pickle=False)
        assert found.dtype == np.float16 and found.shape == (4, 6)
        assert np.isfinite(found).all()
        about = plain_json((folder / inside).parents[1] / "settings.json")
        assert about == cache.owner
        return found.astype(np.float32)

    return Reader(files, read, obvious, lines=6)


def statistics(made):
    """Mean and deviation of the training data: made anew where damaged."""

    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 1600)
    made.mkdir(exist_ok=True)
    soundfile.write(made / "a.wav", sound, 16000)
    wav = str(made / "a.wav")
    write_json(made / "weak.json", {"a": {"wav": wav, "duration": 0.1}})
    wanted = FRONTEND, [made / "weak.json"]
    right = [x.numpy() for x in training_statistics(*wanted, made / "s.npz")]
    return Reader(
        {"s.npz": (made / "s.npz").read_bytes()},
        lambda folder: [
            x.numpy() for x in training_statistics(*wanted, folder / "s.npz")
        ],
        lambda folder: right,
        heals=True,
        share=0.3,
    )


READERS = (
    *(stream, packed_stream, verified_stream, imported),
    *(log_mel_cache, statistics),
)
