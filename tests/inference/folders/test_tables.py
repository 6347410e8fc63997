"""Tables of many recordings, on disk and on the screen."""

import pytest

from speechbrain_mmsed.dataio.corpus.tables import read_event_table
from speechbrain_mmsed.inference.folders.inputs import collect
from speechbrain_mmsed.inference.folders.run import Finder, Outputs
from speechbrain_mmsed.inference.folders.tables import (
    MAX_LINES,
    events_table,
    index_page,
    scores_table,
    screen_lines,
    tags_table,
    write_tables,
)


@pytest.fixture
def inputs(recordings):
    (recordings / "list.csv").write_text("")
    return collect([recordings, recordings / "1.wav"])


@pytest.fixture
def results(made_up, inputs):
    return [result for result, _ in Finder(made_up)(inputs.files)]


def test_tables_hold_every_recording(results, tmp_path):
    names = write_tables(
        results,
        ["openl3"],
        tmp_path,
        {
            "events": events_table(results),
            "tags": tags_table(results),
            "scores": scores_table(results, ["Cat", "Dog"]),
        },
    )
    assert names == ["events.tsv", "tags.tsv", "scores.tsv", "files.tsv"]
    events = read_event_table(tmp_path / "events.tsv")
    counts = events.groupby("filename")["event_label"].count().to_dict()
    # Silence is a row; a recording that failed is none.
    assert counts == {"1.wav": 1, "4.wav": 0, "deep/5.mp4": 2, "deep/5.wav": 3}
    files = (tmp_path / "files.tsv").read_text().splitlines()
    assert files[0].split("\t") == [
        *("filename", "status", "duration", "events", "tags", "openl3"),
        "reason",
    ]
    assert len(files) == 7 and len({line.count("\t") for line in files}) == 1
    assert files[2].split("\t")[1] == "failed" and "convert" in files[2]
    assert files[5].split("\t")[:6] == [
        *("deep/5.mp4", "done", "10.0", "2", "Cat,Dog", "used"),
    ]
    tags = (tmp_path / "tags.tsv").read_text().splitlines()
    assert tags[1:3] == ["1.wav\tDog\t0.8000", "4.wav\t\t"]
    scores = (tmp_path / "scores.tsv").read_text().splitlines()
    assert scores[:2] == ["filename\tCat\tDog", "1.wav\t0.0000\t0.8000"]


def test_the_screen_shows_counts_and_reasons(results, inputs):
    lines = screen_lines(results, inputs, ["openl3"])
    assert lines[2] == "2.wav             -  FAILED: absent: no sound track"
    assert "deep/5.mp4     10.0  Dog 1, Cat 1" in lines
    assert "deep/5.wav     10.0  Cat 3; openl3 absent: no film" in lines
    assert "6 recordings: 4 done, 2 failed" in lines
    (failed,) = [line for line in lines if line.startswith("failed: ")]
    assert failed == "failed: no sound track 1, unexpected ZeroDivisionError 1"
    assert "openl3: used 2, no film 2" in lines
    assert "events: Cat 4, Dog 2" in lines
    assert "files of other kinds left out: .csv 1" in lines
    assert "named more than once, done once: 1" in lines
    assert "tags: Dog 2, Cat 2" in screen_lines(results, inputs, [], "tags")
    assert not any("differ" in line for line in lines)
    results[0].tags = []
    lines = screen_lines(results, inputs, [])
    assert any("tags and events differ in 1 recording" in a for a in lines)
    lines = screen_lines(results, inputs, [], explain=False)
    assert not any("differ" in line for line in lines)


def test_a_long_list_shows_only_what_failed(results, inputs):
    many = [results[0]] * MAX_LINES + [results[1]]
    lines = screen_lines(many, inputs, [])
    assert len(lines) < 10
    assert lines[1].startswith("2.wav") and "FAILED" in lines[1]


def test_the_index_links_to_pages_and_times(results):
    outputs = Outputs("/out", ["html"])
    page = index_page(results, outputs, ["openl3"])
    assert '<a href="deep/5.mp4.html">deep/5.mp4</a>' in page
    assert '<a href="deep/5.wav.html#t=2.00">Cat 2.0</a>' in page
    assert "4 recordings, 2 failed" in page
    assert "failed: absent: no sound track" in page and "@@" not in page
