"""Streams of sound beside those of films, from one command."""

import numpy as np
import pytest
import soundfile
import torch
from stream_extraction import StreamExtraction

from speechbrain_mmsed.dataio.media.sound import read_sound
from speechbrain_mmsed.dataio.streams.embedding import (
    SoundEmbedding,
    placed,
)
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.lobes.auditory import SoundEmbedder
from speechbrain_mmsed.lobes.visual import ColourHistogramEmbedder

RATE = 8000


class Levels(SoundEmbedder):
    """Peak and length of each half second."""

    def __init__(self, sample_rate=RATE):
        super().__init__(2, sample_rate)
        self.heard = []

    def forward(self, waveform):
        self.heard.append(waveform)
        parts = waveform.split(self.sample_rate // 2)
        rows = [[p.abs().max(), len(p) / self.sample_rate] for p in parts]
        times = 0.25 + 0.5 * torch.arange(len(parts))
        return torch.tensor(rows), times

    def description(self):
        return {
            "network": "levels",
            "weights_sha256": None,
            "preprocessing": "halves of seconds",
        }


@pytest.fixture
def clips(tmp_path):
    """Clips with sound and no film; one is damaged, one is short."""
    found = {}
    for name, seconds in (("a", 10.0), ("short", 2.2), ("long", 11.0)):
        sound = np.zeros(round(RATE * seconds), np.float32)
        sound[RATE // 2 : RATE] = 0.25  # the peak: divided by it
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
        found[name] = seconds
    (tmp_path / "bad.wav").write_bytes(b"RIFF nothing")
    return {
        f"weak/{name}": {
            "wav": str(tmp_path / f"{name}.wav"),
            "video": "",
            "video_status": "absent",
            "duration": seconds,
        }
        for name, seconds in {**found, "bad": 10.0}.items()
    }


def extract(folder, clips, embedder, **more):
    run = StreamExtraction(
        {"levels": SoundEmbedding(embedder, sample_rate=RATE), **more},
        folder,
        n_frames=20,
        workers=1,
    )
    return run, run.run(clips, progress=False)


def test_sound_is_heard_where_there_is_no_film(tmp_path, clips):
    films = {"colours": placed(ColourHistogramEmbedder(), "cpu")}
    run, reports = extract(tmp_path / "s", clips, Levels(), **films)
    assert reports["levels"].available == 3
    assert reports["levels"].unavailable == {"unreadable": 1}
    assert reports["colours"].unavailable == {"absent": 4}
    store = run.stores["levels"]
    assert store.kind == "sound"
    assert run.stores["colours"].kind == "film"
    features = store.read("weak/a")
    # 20 frames of half a second: each has its own vector.
    assert features[:, 0].tolist() == [0.0, 1.0] + [0.0] * 18
    assert (features[:, 1] == 0.5).all()
    # Beyond the end of a short clip the last vector is held.
    short = store.read("weak/short")
    np.testing.assert_allclose(short[:4, 1], 0.5)
    np.testing.assert_allclose(short[4:, 1], 0.2, atol=1e-3)
    assert store.rows["weak/short"].covered_seconds == pytest.approx(2.2)
    # What training does not see is not heard either.
    assert (store.read("weak/long")[:, 1] == 0.5).all()


def test_what_is_done_is_not_done_again_unless_the_sound_changed(
    tmp_path, clips
):
    extract(tmp_path / "s", clips, Levels())
    again = Levels()
    _, reports = extract(tmp_path / "s", clips, again)
    assert not again.heard
    assert reports["levels"].done_before == 4
    soundfile.write(clips["weak/a"]["wav"], np.ones(RATE * 3), RATE)
    run, _ = extract(tmp_path / "s", clips, again)
    assert len(again.heard) == 1
    assert run.stores["levels"].read("weak/a")[0, 0] == 1.0


def test_an_embedder_has_a_rate_of_its_own(tmp_path, clips):
    embedder = Levels(sample_rate=2 * RATE)
    found, times = SoundEmbedding(embedder, sample_rate=RATE)(np.ones(RATE))
    assert len(embedder.heard[0]) == 2 * RATE
    assert found.shape == (2, 2) and times.tolist() == [0.25, 0.75]
    # The same sound at another rate of the corpus is another stream.
    one, two = (
        SoundEmbedding(Levels(), sample_rate=rate).description()
        for rate in (RATE, 16000)
    )
    assert one != two and "peak 1" in one["preprocessing"]


def test_half_precision_on_disk_is_enough(tmp_path, clips):
    run, _ = extract(tmp_path / "s", clips, Levels())
    clip = clips["weak/a"]
    sound = read_sound(clip["wav"], RATE)
    direct = run.readers["sound"].embed((sound / 0.25).numpy(), ["levels"])
    np.testing.assert_allclose(
        direct["levels"], run.stores["levels"].read("weak/a"), atol=1e-3
    )


def test_a_stream_does_not_change_its_kind(tmp_path, clips):
    run, _ = extract(tmp_path / "s", clips, Levels())
    path = run.stores["levels"].description_file
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace('"sound"', '"other"'))
    with pytest.raises(StreamError, match="from other, and not from sound"):
        extract(tmp_path / "s", clips, Levels())
    with open(path, "w") as file:
        file.write(text.replace('"kind": "sound"', '"kind": "smell"'))
    with pytest.raises(StreamError, match="kind is 'smell'"):
        extract(tmp_path / "s", clips, Levels())
