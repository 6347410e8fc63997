"""Events of a stream: those of the whole, each of them once."""

import contextlib
import io
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.inference import DetectionError
from speechbrain_mmsed.inference.listening import EventStream, LiveCutter
from speechbrain_mmsed.inference.results import FileScores, events_of
from speechbrain_mmsed.inference.windows import WindowCutter
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

LABELS = ["Cat", "Dog", "Speech"]


class Scores:
    """A DetectionStream whose sound is its scores."""

    frame_hop, latency = 0.1565, 1.0

    def __init__(self):
        self.rows, self.seconds, self.kept = 0, 0.0, 0

    def feed(self, rows):
        first, self.rows = self.rows, self.rows + len(rows)
        self.seconds = self.rows * self.frame_hop
        return FileScores(
            *("s", LABELS, rows, np.zeros(3), self.frame_hop),
            *(self.seconds, {}, first),
        )

    def close(self):
        return self.feed(np.zeros((0, 3), np.float32))


def by_time(events):
    """Events in the order of their beginnings, then of their names."""
    events = events.round({"onset": 6, "offset": 6})
    return events.sort_values(["onset", "event_label"], ignore_index=True)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_frames=st.integers(1, 120),
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    windows=st.lists(st.sampled_from([1, 3, 7, 21]), min_size=3, max_size=3),
    smooth=st.sampled_from([1, 5, 15]),
)
def test_events_are_those_of_the_whole(seed, n_frames, sizes, windows, smooth):
    rng = np.random.default_rng(seed)
    rows = rng.random((n_frames + smooth, 3)).cumsum(axis=0)
    rows = ((rows[smooth:] - rows[:-smooth]) / smooth).astype(np.float32)
    parameters = ClassParameters(
        LABELS, np.full(3, 0.5), np.array(windows), [True] * 3
    )
    stream = Scores()
    events, at, given = EventStream(stream, parameters), 0, []
    sizes = [*sizes, 1]
    while at < n_frames:
        size = sizes[len(given) % len(sizes)]
        given.append(events.feed(rows[at : at + size]))
        at += size
        # What is given is over, and what goes on is not.
        going_on = events.open()["offset"].to_numpy(float)
        assert (going_on > stream.seconds - 11.5 * 0.1565).all()
        now = np.ceil(given[-1]["offset"] / 0.1565 - 1e-6)
        assert (now < stream.rows - max(windows) // 2).all()
    given.append(events.close())
    found = by_time(pd.concat(given, ignore_index=True))
    whole = FileScores(
        "s", LABELS, rows, np.zeros(3), 0.1565, n_frames * 0.1565
    )
    expected = by_time(events_of(whole, parameters))
    assert found.drop(columns="score").values.tolist() == [
        pytest.approx(row)
        for row in expected.drop(columns="score").values.tolist()
    ]
    np.testing.assert_allclose(
        found["score"].astype(float), expected["score"], rtol=1e-5
    )


def test_old_scores_are_forgotten():
    parameters = ClassParameters(
        LABELS, np.full(3, 0.5), np.full(3, 3), [True] * 3
    )
    events = EventStream(Scores(), parameters)
    rows = (np.random.default_rng(0).random((10, 3)) > 0.6).astype(np.float32)
    for _ in range(100):
        events.feed(rows)
        assert len(events._scores.frame) < 60


def test_a_stream_has_the_events_of_the_file(detector, sounds, tmp_path):
    sound = sounds.noise(31.0, 44100)
    soundfile.write(tmp_path / "a.wav", sound, 44100, subtype="FLOAT")
    expected = by_time(detector.detect_file(tmp_path / "a.wav").events)
    events = detector.listen(44100, filename=str(tmp_path / "a.wav"))
    blocks = np.split(sound, range(1764, len(sound), 1764))
    given = [events.feed(block) for block in blocks]
    found = by_time(pd.concat([*given, events.close()], ignore_index=True))
    assert len(found) > 1
    pd.testing.assert_frame_equal(found, expected, atol=1e-4, check_dtype=False)


@pytest.mark.parametrize("latency", [0.5, 2.0, 8.0])
def test_scores_come_within_the_latency(detector, sounds, latency):
    sound = sounds.noise(23.0)
    one = detector.stream(16000, latency=latency)
    assert one.latency <= latency + 0.2
    parts = []
    for i in range(0, len(sound), 1600):
        parts.append(one.feed(sound[i : i + 1600]))
        done = parts[-1].first_frame + len(parts[-1].frame)
        assert done * one.frame_hop > one.seconds - one.latency - 0.1
    parts.append(one.close())
    frame = np.concatenate([part.frame for part in parts])
    assert len(frame) == int(np.ceil(23.0 / one.frame_hop))
    # Whatever the sizes of chunks.
    two = detector.stream(16000, latency=latency)
    again = [two.feed(sound), two.close()]
    np.testing.assert_allclose(
        np.concatenate([part.frame for part in again]), frame, atol=1e-5
    )


def test_windows_of_a_latency_hold_no_later_sound():
    settings = WindowCutter(16000, 160000, 64, 2504)
    cutter, sound = LiveCutter(settings, 2.0), np.arange(1.0, 400001.0)
    windows = cutter.feed(sound) + cutter.close()
    ends = [
        window.begin + window.seconds - window.until * 0.1565
        for window in windows
    ]
    assert max(ends[:-1]) <= 6 * 0.1565 + 1e-6 and ends[-1] < 0.1565
    for window in windows:
        first = round(window.begin * 16000)
        n = round(window.seconds * 16000)
        expected = sound[first : first + n] / sound[first + n - 1]
        np.testing.assert_allclose(window.waveform[:n], expected, rtol=1e-6)
    with pytest.raises(DetectionError, match="latency is 11"):
        LiveCutter(settings, 11)


@contextlib.contextmanager
def piped(path):
    """What a file holds comes through a pipe to this process."""
    before = os.dup(0)
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as process:
        os.dup2(process.stdout.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(before, 0)
            os.close(before)


def test_a_pipe_has_the_events_of_its_file(exported, sounds, tmp_path, capsys):
    sound = sounds.noise(25.0, 22050)
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, 22050)
    model = ["--model", str(exported[0])]
    assert main(["detect", str(path), *model]) == 0
    expected = pd.read_csv(io.StringIO(capsys.readouterr().out), sep="\t")
    with piped(path):
        assert main(["listen", "-", *model]) == 0
    out, err = capsys.readouterr()
    found = pd.read_csv(io.StringIO(out), sep="\t")
    assert f"{len(expected)} events in 25.0 s" in err
    columns = ["onset", "offset", "event_label"]
    pd.testing.assert_frame_equal(
        by_time(found)[columns], by_time(expected)[columns], atol=2e-4
    )
    (tmp_path / "b.wav").write_text("no sound at all")
    with piped(tmp_path / "b.wav"):
        assert main(["listen", "-", *model]) == 2
    assert "listen: -: " in capsys.readouterr().err
    assert main(["listen", str(path), *model, "--latency", "99"]) == 2
    assert "latency is 99" in capsys.readouterr().err


class CtrlC:
    """A block during whose work somebody presses it."""

    def copy(self):
        return self

    def __array__(self, *_, **__):
        raise KeyboardInterrupt


class Device:
    """A sounddevice that hears some blocks, all before one is looked at."""

    PortAudioError = OSError

    def __init__(self, blocks):
        self.blocks = blocks

    def check_input_settings(self, samplerate, channels):
        assert (samplerate, channels) == (16000, 1)

    @contextlib.contextmanager
    def InputStream(self, callback, blocksize, **how):
        self.check_input_settings(**how)
        for number, block in enumerate(self.blocks):
            status = SimpleNamespace(input_overflow=number in (3, 7))
            callback(block, blocksize, None, status)
        yield


def test_a_microphone_loses_nothing_while_the_network_works(
    exported, sounds, tmp_path, capsys, monkeypatch
):
    sound = sounds.noise(35.0)
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    blocks = np.split(sound.reshape(-1, 1).astype("f4"), 350)
    device = Device([*blocks, CtrlC()])
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    found, told = [], ""
    for source in (str(path), "mic"):
        assert main(["listen", source, "--model", str(exported[0])]) == 0
        out, told = capsys.readouterr()
        found.append(pd.read_csv(io.StringIO(out), sep="\t").iloc[:, 1:])
    pd.testing.assert_frame_equal(*found, atol=1e-3)
    assert "stopped" in told and "events in 35.0 s" in told
    assert told.count("lost sound") == told.count("faster than") == 1
