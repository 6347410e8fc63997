import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth

COLUMNS = ["filename", "onset", "offset", "event_label"]


def make_truth(rows, clips=("a", "b"), labels=("Dog", "Cat")):
    return GroundTruth(
        pd.DataFrame(rows, columns=COLUMNS),
        dict.fromkeys(clips, 10.0),
        list(labels),
    )


def test_load_keeps_clips_without_events(tmp_path):
    (tmp_path / "truth.tsv").write_text(
        "filename\tonset\toffset\tevent_label\na\t1.0\t2.5\tCat\nb\t\t\t\n"
    )
    (tmp_path / "durations.tsv").write_text("filename\tduration\na\t10\nb\t9\n")
    truth = GroundTruth.load(
        tmp_path / "truth.tsv", tmp_path / "durations.tsv", ["Dog", "Cat"]
    )
    assert truth.events.values.tolist() == [["a", 1.0, 2.5, "Cat"]]
    assert truth.durations == {"a": 10.0, "b": 9.0}
    assert list(truth.events["event_label"].unique()) == ["Cat"]
    np.testing.assert_array_equal(
        truth.tags(["b", "a"]), [[False, False], [False, True]]
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["c", 0.0, 1.0, "Dog"]], r"no duration.*\['c'\]"),
        ([["c", None, None, None]], r"no duration.*\['c'\]"),
        ([["a", 0.0, 1.0, "Cow"]], r"labels other.*'Cow'.*\['a'\]"),
        ([["a", 0.0, None, "Dog"]], "some empty cells"),
        ([["a", -0.1, 1.0, "Dog"]], "onset below 0"),
        ([["a", 2.0, 1.0, "Dog"]], "offset before the onset"),
        ([["a", 2.0, np.inf, "Dog"]], "offset before the onset"),
        (
            [["a", 0.0, 2.0, "Dog"], ["a", 1.9, 3.0, "Dog"]],
            r"overlapping.*\['a'\]",
        ),
    ],
)
def test_what_the_libraries_read_differently_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        make_truth(rows)


def test_touching_zero_length_and_late_events_are_fine():
    rows = [
        ["a", 0.0, 2.0, "Dog"],
        ["a", 2.0, 2.0, "Dog"],
        ["a", 2.0, 11.0, "Dog"],
        ["a", 1.0, 3.0, "Cat"],
    ]
    assert len(make_truth(rows).events) == 4


def test_errors_name_the_file_and_all_clips(tmp_path):
    clips = [f"clip {i}" for i in range(30)]
    lines = "".join(f"{clip}\t0\t1\tCow\n" for clip in clips)
    path = tmp_path / "truth.tsv"
    path.write_text("filename\tonset\toffset\tevent_label\n" + lines)
    durations = tmp_path / "durations.tsv"
    pd.DataFrame({"filename": clips, "duration": 10.0}).to_csv(
        durations, sep="\t", index=False
    )
    with pytest.raises(ValueError, match=r"truth\.tsv.*30 clips.*10 more"):
        GroundTruth.load(path, durations, ["Dog"])
    durations.write_text("filename\tduration\na\t1\na\t1\n")
    with pytest.raises(ValueError, match="line 3: a appears twice"):
        GroundTruth.load(path, durations, ["Dog"])
    durations.write_text("filename\tseconds\n")
    with pytest.raises(ValueError, match=r"durations\.tsv.* by tabs"):
        GroundTruth.load(path, durations, ["Dog"])


def test_subset_keeps_its_clips_only():
    truth = make_truth([["a", 0.0, 2.0, "Dog"], ["b", 0.0, 2.0, "Cat"]])
    part = truth.subset(["b"])
    assert list(part.events["event_label"].unique()) == ["Cat"]
    assert list(part.durations) == ["b"]
    assert truth.subset([]).events.empty
    with pytest.raises(ValueError, match=r"not in it: \['c'\]"):
        truth.subset(["b", "c"])
