"""Bad input, case by case: one clear message, or a counted exception.

The list of what users meet, each driven through the recipe's own functions
on a copy of a tiny corpus. `counted` cases go on without the clip (or with
it mended) and say so in the preparation's report; `stops` cases end in one
message that names the place and what to do. Neither leaves half a file.
"""

import errno
import json
import pathlib
import shutil

import numpy as np
import pytest
import soundfile as sf

from speechbrain_mmsed.dataio.media.film import MediaError
from speechbrain_mmsed.dataio.media.frames import (
    grid_times,
    probe_video,
    read_frames,
)
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.training.hparams import HparamsError, read_hparams
from speechbrain_mmsed.training.record import damage

HPARAMS = (
    pathlib.Path(__file__).resolve().parents[1]
    / "recipes/DESED/sound_event_detection/hparams"
)


@pytest.fixture
def corpus(tiny_corpus, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(tiny_corpus[0], data)
    return data


@pytest.fixture
def prepare(load_recipe, corpus, tmp_path):
    builtin = load_recipe("builtin_corpus.py")
    recipe = load_recipe("desed_prepare.py")

    def start(data=corpus, **settings):
        return recipe.prepare_desed(
            data,
            tmp_path / "out",
            list(builtin.CLASS_LABELS),
            probe_film=probe_video,
            **settings,
        )

    return start


def first(folder, ending):
    return sorted(folder.glob(f"*{ending}"))[0]


def test_empty_and_absent_data_folder_stop(prepare, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "absent"):
        with pytest.raises(Exception, match=folder.name) as caught:
            prepare(folder)
        assert "metadata" in str(caught.value) or "data_folder" in str(
            caught.value
        )


def test_table_that_names_absent_sound_stops_and_can_be_tolerated(
    prepare, corpus, tmp_path
):
    first(corpus / "audio/validation", ".wav").unlink()
    with pytest.raises(Exception, match="max_missing_fraction"):
        prepare()
    assert not (tmp_path / "out/prepare_report.json").exists()
    report = prepare(max_missing_fraction=0.5)
    counts = report["subsets"]["validation"]
    assert counts["missing_reasons"] == {"absent": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"RIFF no sound", "unreadable"), ("zero-length", "zero-length")],
)
def test_corrupt_and_zero_length_sound_are_counted(
    prepare, corpus, content, reason
):
    path = first(corpus / "audio/train/weak", ".wav")
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        sf.write(path, np.zeros(0), 16000)
    counts = prepare(max_missing_fraction=0.5)["subsets"]["weak"]
    assert counts["missing_sound"] == 1
    assert list(counts["missing_reasons"]) == [reason]


def test_silent_and_stereo_sound_of_another_rate_are_kept_and_counted(
    prepare, corpus, load_recipe
):
    silent, stereo = sorted((corpus / "audio/validation").glob("*.wav"))[:2]
    sf.write(silent, np.zeros(160000), 16000)
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (441000, 2))
    sf.write(stereo, noise, 44100)
    counts = prepare()["subsets"]["validation"]
    assert counts["missing_sound"] == 0
    assert counts["sound"]["silent"] == 1
    assert counts["sound"]["resampled"] == counts["sound"]["down_mixed"] == 1

    from speechbrain_mmsed.dataio.corpus.clips import clip_waveform
    from speechbrain_mmsed.lobes.frontend import LogMelFrontend

    frontend = LogMelFrontend()
    quiet, loud = (clip_waveform(str(p), frontend) for p in (silent, stereo))
    assert quiet.abs().max() == 0.0
    assert loud.shape == (160000,)
    assert loud.abs().max() == pytest.approx(1.0, abs=1e-6)
    assert frontend(quiet[None]).isfinite().all()


def test_films_without_picture_track_or_cut_off_are_counted(prepare, corpus):
    films = sorted((corpus / "video/validation").glob("*.mp4"))
    films[0].write_bytes(films[0].read_bytes()[:200])
    sound_only = films[1].with_suffix(".mkv")
    films[1].unlink()
    write_sound_only(sound_only)
    counts = prepare()["subsets"]["validation"]
    assert counts["film_reasons"]["unreadable"] == 2
    for film in (films[0], sound_only):
        with pytest.raises(MediaError):
            read_frames(str(film), grid_times())


def write_sound_only(path):
    import av

    with av.open(str(path), "w") as box:
        track = box.add_stream("aac", rate=16000)
        samples = np.zeros((1, 16000), np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = 16000
        box.mux(track.encode(frame))
        box.mux(track.encode())


def test_unknown_yaml_key_stops_with_a_suggestion():
    with pytest.raises(HparamsError, match="Did you mean: batches_per_epoch"):
        read_hparams(
            str(HPARAMS / "transformer.yaml"),
            "data_folder: x\nbatch_per_epoch: 3",
        )


def test_stream_that_was_not_extracted_stops_with_the_command(tiny_corpus):
    from speechbrain_mmsed.dataio.streams.reading import open_streams

    with pytest.raises(StreamError, match="extract_streams.py"):
        open_streams(
            tiny_corpus[1] / "streams", ["openl3"], {"openl3": 512}, ["a/b"]
        )


def test_features_that_are_not_finite_stop_or_are_dropped_as_the_yaml_says(
    tiny_corpus, load_recipe, tmp_path
):
    recipe = load_recipe("sound_event_detection/train.py")
    folder = shutil.copytree(tiny_corpus[1] / "streams/fake", tmp_path / "fake")
    clip = next((folder / "weak").glob("*.npy"))
    np.save(clip, np.full_like(np.load(clip), np.nan))

    def hparams(damaged):
        return read_hparams(
            str(HPARAMS / "transformer.yaml"),
            f"data_folder: x\nprepared_folder: {tiny_corpus[1]}\n"
            f"output_folder: {tmp_path}\nstreams_folder: {tmp_path}\n"
            "streams: [fake]\nstream_widths: {fake: 8}\n"
            f"damaged_features: {damaged}\n",
        )[0]

    with pytest.raises(StreamError, match=f"weak/{clip.stem}, in {clip}"):
        recipe.open_stores(hparams("error"))
    found = hparams("drop")
    (store,) = recipe.open_stores(found)
    assert store.read(f"weak/{clip.stem}") is None
    assert damage(found) == {"damaged_features": {"fake": 1}}


def test_full_disk_leaves_nothing_half_written(prepare, tmp_path, monkeypatch):
    import os

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="The disk is full"):
            prepare()
    left = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert left == []
    prepare()
    report = json.loads((tmp_path / "out/prepare_report.json").read_text())
    assert report["subsets"]["strong"]["found"] == 4
