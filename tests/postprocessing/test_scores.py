import dataclasses
import os

import numpy as np
import pytest

from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import ClipScores


def make_scores(n_clips=3, n_frames=8):
    rng = np.random.default_rng(0)
    return ClipScores(
        filenames=[f"clip {i}.wav" for i in range(n_clips)],
        durations=np.linspace(1, 10, n_clips),
        labels=["Dog", "Übung"],
        clip=rng.random((n_clips, 2)),
        frame=rng.random((n_clips, n_frames, 2)),
        has_video=np.arange(n_clips) % 2 == 0,
        frame_hop=0.1565,
    )


def assert_same(left, right):
    for field in dataclasses.fields(ClipScores):
        a, b = getattr(left, field.name), getattr(right, field.name)
        np.testing.assert_array_equal(a, b)
        assert type(a) is type(b)


def test_save_and_load_change_nothing(tmp_path):
    scores = make_scores()
    scores.save(tmp_path / "new" / "scores.npz")
    loaded = ClipScores.load(tmp_path / "new" / "scores.npz")
    assert_same(scores, loaded)
    assert loaded.frame.dtype == np.float32


def test_an_interrupted_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "scores.npz"
    scores = make_scores()
    scores.save(path)

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        scores.save(path)
    assert os.listdir(tmp_path) == ["scores.npz"]
    assert_same(scores, ClipScores.load(path))


def test_another_npz_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "other.npz", frame=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz.*clip.*missing"):
        ClipScores.load(tmp_path / "other.npz")


def test_subset_keeps_order_and_all_fields():
    scores = make_scores(4)
    half = scores.subset(scores.has_video)
    assert half.filenames == ["clip 0.wav", "clip 2.wav"]
    np.testing.assert_array_equal(half.frame, scores.frame[::2])
    np.testing.assert_array_equal(half.durations, scores.durations[::2])
    assert scores.subset(np.zeros(4, bool)).frame.shape == (0, 8, 2)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("frame", np.full((3, 8, 2), np.nan), "clip 0.wav"),
        ("frame", np.full((3, 8, 2), 1.5), "after the sigmoid"),
        ("frame", np.zeros((3, 8, 3)), "expected \\(3, 8, 2\\)"),
        ("clip", -np.ones((3, 2)), "outside 0 to 1"),
        ("clip", np.zeros((3, 1)), "expected \\(3, 2\\)"),
        ("durations", [1.0, 0.0, 2.0], "clip 1.wav"),
        ("filenames", ["a", "b", "a"], "repeat: \\['a'\\]"),
        ("frame_hop", 0.0, "frame_hop"),
    ],
)
def test_bad_scores_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(make_scores(), **{field: value})


@pytest.mark.parametrize("thresholds", [None, [0.1, 0.7]])
@pytest.mark.parametrize("windows", [None, [1, 31]])
def test_parameters_survive_a_dict(thresholds, windows):
    before = ClassParameters(["a", "b"], thresholds, windows, [True, False])
    after = ClassParameters.from_dict(before.to_dict())
    assert after.to_dict() == before.to_dict()
    assert (after.windows is None) == (windows is None)


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="odd"):
        ClassParameters(["a"], [0.5], [4], [True])
    with pytest.raises(ValueError, match="one for each class"):
        ClassParameters(["a"], [0.5, 0.5], [3], [True])
    with pytest.raises(ValueError, match="keys"):
        ClassParameters.from_dict({"labels": ["a"]})
