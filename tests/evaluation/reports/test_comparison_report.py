"""Two reports compared: from counts on disk to table, picture and page."""

import json

import numpy as np
import pytest
from corpora import make_corpus

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.evaluation.statistics.bootstrap import (
    compare,
    resample_weights,
)
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    KINDS,
    THRESHOLD_FREE,
    clip_statistics,
)
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    counts_of_clips,
    load_counts,
    save_counts,
)
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

LABELS = ["Dog", "Cat", "Saw"]


def make_system(noise, n_clips=40):
    """Scores that follow the same events with more or less noise."""
    drawn = np.random.default_rng(0)
    classes = [
        drawn.permutation(3)[: drawn.integers(0, 3)] for _ in range(n_clips)
    ]
    scores, truth = make_corpus(classes, LABELS, noise=noise)
    scores.has_video = np.arange(n_clips) % 4 > 0
    return scores, truth


def count(scores, truth, kinds=KINDS):
    some = ClassParameters(LABELS, [0.5] * 3, [3, 1, 5], np.ones(3, bool))
    return clip_statistics(scores, truth, dict.fromkeys(KINDS, some), kinds)


@pytest.fixture(scope="module")
def systems():
    return [make_system(2.0), make_system(1.0)]


@pytest.fixture
def reports(systems, tmp_path):
    """Two folders of reports, with counts alone."""
    folders = []
    for name, (scores, truth) in zip(("noisy", "clear"), systems, strict=True):
        folder = tmp_path / name
        folder.mkdir()
        path = folder / "counts_system.npz"
        save_counts(path, count(scores, truth), scores.video())
        folders.append(folder)
    return folders


def same_figures(ours, theirs):
    weights = resample_weights(len(ours.filenames), 5)
    for name, values in theirs.figures(weights).items():
        np.testing.assert_array_equal(ours.figures(weights)[name], values)
    assert ours.definition == theirs.definition
    assert ours.computed_by == theirs.computed_by
    assert ours.result() == theirs.result()


def test_stored_counts_are_the_counts(systems, tmp_path):
    scores, truth = systems[0]
    counts = count(scores, truth, [*KINDS, *THRESHOLD_FREE])
    save_counts(tmp_path / "a.npz", counts)
    stored, has_video = load_counts(tmp_path / "a.npz")
    assert has_video is None
    assert set(stored) == set(KINDS)
    for kind, found in stored.items():
        same_figures(found, counts[kind])


def test_counts_of_some_clips_are_those_of_their_scores(systems):
    scores, truth = systems[0]
    some = scores.subset(scores.has_video)
    part = count(some, truth.subset(some.filenames))
    for kind, counts in count(scores, truth).items():
        same_figures(counts_of_clips(counts, set(some.filenames)), part[kind])


def test_command_gives_the_paired_differences(systems, reports, tmp_path):
    out = tmp_path / "out"
    arguments = ["compare", *map(str, reports), "--out", str(out)]
    assert main([*arguments, "--resamples", "60", "--seed", "3"]) == 0
    results = json.loads((out / "comparison.json").read_text())
    counts = [count(*system) for system in systems]
    names = ("noisy", "clear")
    expected = {
        kind: compare(of_first, counts[1][kind], names, 60, seed=3)
        for kind, of_first in counts[0].items()
    }
    assert results == json.loads(json.dumps(expected))
    macro = results["ebf1"]["figures"]["macro"]
    assert macro["low"] > 0.1 and macro["p_value"] < 0.05
    text = (out / "comparison.md").read_text()
    assert text.startswith("# clear against noisy")
    assert f"{100 * macro['difference']:+.2f}" in text
    assert "at most 100 false positives per hour; 50 thresholds" in text
    assert (out / "differences.png").read_bytes()[1:4] == b"PNG"
    assert "data:image/png" in (out / "comparison.html").read_text()


def test_a_system_does_not_differ_from_itself(reports, capsys):
    arguments = ["compare", str(reports[0]), str(reports[0])]
    arguments += ["--names", "once", "again", "--resamples", "20"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if line.startswith("| EBF1")]
    assert len(lines) == 5  # micro, macro, three classes
    for line in lines:
        assert "+0.00 to +0.00" in line and "1.0000" in line
    assert "again minus once" in printed


def test_clips_with_video_alone(systems, reports, capsys):
    arguments = ["compare", *map(str, reports), "--resamples", "20"]
    assert main([*arguments, "--clips", "video"]) == 0
    printed = capsys.readouterr().out
    assert "30 clips (clips with video)" in printed
    scores, truth = systems[0]
    part = scores.subset(scores.has_video)
    alone = count(part, truth.subset(part.filenames), ["ebf1"])["ebf1"]
    assert f" {100 * alone.result()['macro']:.2f} |" in printed


def test_the_first_system_of_a_training_is_compared(systems, tmp_path, capsys):
    for name, system in zip(("teacher", "student"), systems, strict=True):
        path = tmp_path / f"counts_{name}.npz"
        save_counts(path, count(*system, ["cbf1"]))
    other = str(tmp_path / "counts_teacher.npz")
    assert main(["compare", str(tmp_path), other]) == 2
    message = capsys.readouterr().err
    assert "counts_student.npz, counts_teacher.npz; give one" in message
    report = {"metrics": {"student": {}, "teacher": {}}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert main(["compare", str(tmp_path), other, "--resamples", "9"]) == 0
    assert "# teacher against student" in capsys.readouterr().out


def test_what_cannot_be_compared_is_told(systems, reports, tmp_path, capsys):
    def fail(*arguments):
        assert main(["compare", *map(str, arguments)]) == 2
        message = capsys.readouterr().err
        assert message.startswith("mmsed compare: ")
        assert len(message.splitlines()) == 1
        return message

    first = reports[0]
    assert "nowhere: no such folder" in fail(first, tmp_path / "nowhere")
    assert "no counts_<system>.npz" in fail(first, tmp_path)
    path = tmp_path / "fewer/counts_system.npz"
    save_counts(path, count(*make_system(1.0, 38)))
    message = fail(first, path)
    assert "cbf1: " in message and "38.wav" in message and "39.wav" in message
    message = fail(path, path, "--clips", "video")
    assert "evaluate with --video" in message
    systems[0][0].save(tmp_path / "scores.npz")
    assert "holds 'something else'" in fail(first, tmp_path / "scores.npz")
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    assert "bad.npz" in fail(first, tmp_path / "bad.npz")
    save_counts(tmp_path / "tags.npz", count(*systems[0], ["cbf1"]))
    save_counts(tmp_path / "events.npz", count(*systems[0], ["ebf1"]))
    message = fail(tmp_path / "tags.npz", tmp_path / "events.npz")
    assert "no figure in common: ['cbf1'] and ['ebf1']" in message
