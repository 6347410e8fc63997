"""Each text format read back by a slow reader written for the test.

Where other people's readers are installed (webvtt, textgrid, textgrids) they
read the same files.
"""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.corpus.tables import read_event_table
from speechbrain_mmsed.inference.formats import FORMATS, write_detection
from speechbrain_mmsed.inference.formats.text import _without_gaps
from speechbrain_mmsed.inference.formats.values import (
    seconds_text,
    shown_name,
)

NAMES = ["Dog", 'Quote "d"', "A & <b> --> c", "Größe 木"]


@st.composite
def event_lists(draw):
    """A duration and events of each class that do not overlap."""
    duration = draw(st.floats(0.05, 20_000))
    events = []
    for label in NAMES:
        edges = draw(
            st.lists(st.floats(0, 1), max_size=8, unique=True).map(sorted)
        )
        spans = np.array(edges[: len(edges) // 2 * 2]).reshape(-1, 2)
        for onset, offset in spans * duration:
            if offset - onset > 0.01:
                score = draw(st.floats(0.01, 1))
                events.append((onset, offset, label, score))
    return duration, events


def ordered(events):
    return sorted((a, b, label) for a, b, label, _ in events)


def assert_same(found, events, tolerance):
    """The same events in the order of their written times."""
    events = ordered(events)
    assert len(found) == len(events)
    found = sorted(found, key=lambda e: (e[2], e[0]))
    events = sorted(events, key=lambda e: (e[2], e[0]))
    assert [label for *_, label in found] == [label for *_, label in events]
    times = np.array([e[:2] for e in events]).reshape(-1, 2)
    read = np.array([e[:2] for e in found], float).reshape(-1, 2)
    np.testing.assert_allclose(read, times, atol=tolerance, rtol=0)


def read_tsv(text):
    header, *lines = text.splitlines()
    assert header.split("\t") == [
        *("filename", "onset", "offset", "event_label", "score"),
    ]
    rows = [line.split("\t") for line in lines]
    assert {row[0] for row in rows} == {"film.mp4"}
    return [(float(r[1]), float(r[2]), r[3]) for r in rows if r[3]]


def read_json(text):
    events = json.loads(text)["events"]
    return [(e["onset"], e["offset"], e["event_label"]) for e in events]


def read_audacity(text):
    rows = [line.split("\t") for line in text.splitlines()]
    return [(float(a), float(b), label) for a, b, label in rows]


def read_audacity_scores(text):
    """Audacity takes what is behind the times as the text of the label."""
    rows = read_audacity(text)
    found = [re.fullmatch(r"(.*) (\d\.\d\d)", label) for *_, label in rows]
    return [(*row[:2], m[1]) for row, m in zip(rows, found, strict=True)]


def read_textgrid(text):
    """Tokens of the file in order; checks that tiers have no gaps."""
    tokens = re.findall(r'"(?:[^"]|"")*"|<exists>|(?<== )[-\d.]+', text)
    assert tokens[:2] == ['"ooTextFile"', '"TextGrid"']
    tokens = iter(tokens[2:])
    begin, end = float(next(tokens)), float(next(tokens))
    assert next(tokens) == "<exists>"
    events = []
    for _ in range(int(next(tokens))):
        assert next(tokens) == '"IntervalTier"'
        label = next(tokens)[1:-1].replace('""', '"')
        assert (float(next(tokens)), float(next(tokens))) == (begin, end)
        at = begin
        for _ in range(int(next(tokens))):
            low, high = float(next(tokens)), float(next(tokens))
            assert low == at < high <= end
            at = high
            name = next(tokens)[1:-1].replace('""', '"')
            if name:
                assert name == label
                events.append((low, high, name))
        assert at == end
    assert next(tokens, None) is None
    return events


def read_webvtt(text):
    head, *cues = text.rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    events = []
    for cue in cues:
        times, name = cue.split("\n")
        assert "-->" not in name
        for code, letter in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
            name = name.replace(code, letter)
        begin, end = (_webvtt_seconds(t) for t in times.split(" --> "))
        assert begin < end
        events.append((begin, end, name))
    assert [e[0] for e in events] == sorted(e[0] for e in events)
    return events


def _webvtt_seconds(text):
    assert re.fullmatch(r"\d\d+:[0-5]\d:[0-5]\d\.\d{3}", text)
    hours, minutes, seconds = text.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def read_csv(text):
    rows = pd.read_csv(io.StringIO(text))
    assert set(rows["filename"]) == {"film.mp4"}
    rows = rows.dropna()
    columns = ["onset", "offset", "event_label"]
    return [tuple(row) for row in rows[columns].to_numpy()]


def read_raven(text):
    rows = pd.read_csv(io.StringIO(text), sep="\t", quoting=3)
    assert rows["Selection"].tolist() == list(range(1, len(rows) + 1))
    columns = ["Begin Time (s)", "End Time (s)", "Annotation"]
    return [tuple(row) for row in rows[columns].to_numpy()]


def read_rttm(text):
    rows = [line.split(" ") for line in text.splitlines()]
    names = {"_".join(name.split()): name for name in NAMES}
    assert all(len(row) == 10 and row[1] == "film.mp4" for row in rows)
    return [(float(r[3]), float(r[3]) + float(r[4]), names[r[7]]) for r in rows]


def read_label_studio(text):
    (task,) = json.loads(text)
    (prediction,) = task["predictions"]
    assert task["data"] == {"audio": "film.mp4"}
    found = []
    for result in prediction["result"]:
        value = result["value"]
        assert value["end"] <= result["original_length"] + 1e-6
        found.append((value["start"], value["end"], *value["labels"]))
    return found


def read_srt(text):
    cues = text.rstrip("\n").split("\n\n") if text else []
    events = []
    for n, cue in enumerate(cues, start=1):
        number, times, name = cue.split("\n")
        assert int(number) == n and "." not in times
        begin, end = times.replace(",", ".").split(" --> ")
        events.append((_webvtt_seconds(begin), _webvtt_seconds(end), name))
        assert events[-1][0] < events[-1][1]
    return events


READERS = {
    "tsv": (read_tsv, 1e-6),
    "csv": (read_csv, 1e-6),
    "raven": (read_raven, 1e-6),
    "rttm": (read_rttm, 2e-6),
    "labelstudio": (read_label_studio, 1e-6),
    "srt": (read_srt, 1e-3),
    "json": (read_json, 1e-6),
    "audacity": (read_audacity, 1e-6),
    "audacity_scores": (read_audacity_scores, 1e-6),
    "textgrid": (read_textgrid, 1e-6),
    "webvtt": (read_webvtt, 1e-3),
}


@pytest.mark.parametrize("form", READERS)
@settings(max_examples=30, deadline=None)
@given(event_lists())
def test_events_come_back(make_detection, form, drawn):
    duration, events = drawn
    detection = make_detection(events, duration, NAMES, n_frames=0)
    reader, tolerance = READERS[form]
    text = FORMATS[form].render(detection)
    assert_same(reader(text), events, tolerance)


def test_files_without_events_are_valid(make_detection):
    detection = make_detection()
    for form, (reader, _) in READERS.items():
        assert reader(FORMATS[form].render(detection)) == []


@pytest.fixture
def written(detection, tmp_path):
    """Writes a form; returns the path and the events in it."""

    def write(form):
        path = tmp_path / f"a{FORMATS[form].suffix}"
        write_detection(detection, form, path)
        return str(path), sorted(
            tuple(row[1:4]) for row in detection.events.to_numpy()
        )

    return write


def test_webvtt_py_reads_the_subtitles(written):
    webvtt = pytest.importorskip("webvtt")
    path, events = written("webvtt")
    cues = [(c.start, c.end, c.text) for c in webvtt.read(path)]
    found = [(*map(_webvtt_seconds, cue[:2]), cue[2]) for cue in cues]
    assert_same(found, [(*event, 1.0) for event in events], 1e-3)


def test_praat_textgrids_reads_the_tiers(written, detection):
    textgrids = pytest.importorskip("textgrids")
    path, events = written("textgrid")
    grid = textgrids.TextGrid(path)
    assert list(grid) == detection.scores.labels
    found = [
        (i.xmin, i.xmax, i.text)
        for tier in grid.values()
        for i in tier
        if i.text
    ]
    assert sorted(found) == events


def test_textgrid_reads_the_tiers(written, detection):
    textgrid = pytest.importorskip("textgrid")
    path, events = written("textgrid")
    grid = textgrid.TextGrid.fromFile(path)
    assert [tier.name for tier in grid] == detection.scores.labels
    found = [
        (i.minTime, i.maxTime, i.mark) for tier in grid for i in tier if i.mark
    ]
    assert sorted(found) == events


def test_tables_are_read_by_the_reader_of_annotations(detection, tmp_path):
    path = tmp_path / "events.tsv"
    write_detection(detection, "tsv", path)
    table = read_event_table(path)
    expected = detection.events.sort_values(["onset", "offset"])
    pd.testing.assert_frame_equal(
        table.reset_index(drop=True)[["onset", "offset"]],
        expected.reset_index(drop=True)[["onset", "offset"]],
    )


def test_json_has_the_scores(detection):
    content = json.loads(FORMATS["json"].render(detection))
    scores = np.array(content["frame_scores"])
    np.testing.assert_allclose(scores, detection.scores.frame, atol=5e-5)
    assert content["labels"] == detection.scores.labels
    assert content["tags"][0] == {"event_label": "Dog", "score": 0.9}
    assert content["streams"]["openl3"] == "absent: no video track"


@settings(max_examples=30, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1)
)
def test_names_stay_one_line_and_one_cell(name):
    shown = shown_name(name)
    assert shown.isprintable() and len(shown.splitlines()) == 1
    assert name.isprintable() == (shown == name)


def test_names_that_are_no_text_can_be_written(make_detection, tmp_path):
    detection = make_detection(
        [(0, 1, "Dog", 0.9)],
        filename=b"\xff\tfilm\n.mp4".decode("utf-8", "surrogateescape"),
    )
    for form in FORMATS:
        path = tmp_path / f"a{FORMATS[form].suffix}"
        write_detection(detection, form, path)
    (row,) = read_event_table(tmp_path / "a.tsv").to_numpy().tolist()
    assert row == ["\ufffd\\tfilm\\n.mp4", 0.0, 1.0, "Dog"]


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1e5))
def test_short_times_are_the_same_times(seconds):
    assert float(seconds_text(seconds)) == round(seconds, 6)


def test_events_shorter_than_the_digits_leave_no_empty_interval():
    assert _without_gaps([(1.0, 1.0 + 1e-9)], 2.0) == [(0.0, 2.0, False)]


def test_unknown_format_is_an_error_with_the_known_ones(detection, tmp_path):
    with pytest.raises(ValueError, match="unknown format 'ass'.*webvtt"):
        write_detection(detection, "ass", tmp_path / "a.ass")
    assert list(tmp_path.iterdir()) == []


def test_a_detection_saves_itself_as_its_file_is_called(detection, tmp_path):
    for name, form in FORMATS.items():
        detection.save(tmp_path / f"film{form.suffix}")
        written = (tmp_path / f"film{form.suffix}").read_text()
        assert written == form.render(detection), name
    for suffix in (".SVG",):
        detection.save(tmp_path / f"film{suffix}")
        assert (tmp_path / f"film{suffix}").stat().st_size > 5000
    detection.save(tmp_path / "table", form="csv")
    read = pd.read_csv(tmp_path / "table")
    pd.testing.assert_frame_equal(read, detection.to_dataframe(), atol=1e-4)
    n_files = len(list(tmp_path.iterdir()))
    with pytest.raises(ValueError, match="film.xyz: no format .*.csv"):
        detection.save(tmp_path / "film.xyz")
    assert len(list(tmp_path.iterdir())) == n_files


def test_a_page_plays_the_recording_it_is_of(make_detection, tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"pictures")
    detection = make_detection([(0, 1, "Dog", 0.9)], filename=str(film))
    detection.save(tmp_path / "film.html")
    assert '"element": "video"' in (tmp_path / "film.html").read_text()


def test_rows_have_one_order(make_detection):
    events = [(6.2, 9, NAMES[1], 0.7), (0.6, 2, "Dog", 0.9)]
    events += [(0.6, 1, NAMES[1], 0.6)]
    detection = make_detection(events, labels=NAMES)
    rows = detection.to_dataframe()
    assert rows["onset"].tolist() == [0.6, 0.6, 6.2]
    assert rows["event_label"].tolist() == [NAMES[1], "Dog", NAMES[1]]
    for form, (read, _) in READERS.items():
        if form == "textgrid":  # which has tiers
            continue
        labels = [label for *_, label in read(FORMATS[form].render(detection))]
        assert labels == rows["event_label"].tolist(), form
    rows.loc[0, "event_label"] = "Cat"  # one's own
    assert detection.events.loc[0, "event_label"] == NAMES[1]


def test_a_plot_has_a_row_for_each_class(detection):
    figure = detection.plot()
    scores, *_ = figure.axes
    names = [text.get_text() for text in scores.get_yticklabels()]
    assert names == detection.scores.labels
    assert len(scores.collections) == len(detection.events)


def test_tags_and_events_that_differ_explain_themselves(make_detection):
    detection = make_detection([(1, 2, "Dog", 0.9), (1, 2, "Speech", 0.4)])
    assert "events of Speech without a tag: tags are" in str(detection)
    page = FORMATS["html"].render(detection)
    assert "events of Speech without a tag" in page
    detection.events = detection.events[:0]
    assert "Dog without an event" in str(detection)
    assert "own" not in str(make_detection([(1, 2, "Dog", 0.9)]))


def test_a_detection_prints_and_yields_its_events(make_detection):
    events = [(1.0, 2.5, "Dog", 0.9), (0.25, 12345.678, "x" * 70, 0.5)]
    names = ["Dog", "x" * 70]
    detection = make_detection(events, 12345.678, names, n_frames=0)
    lines = str(detection).split("\n")
    assert max(map(len, lines[:3])) <= 80
    assert lines[0] == "film.mp4, 12345.7 s"
    assert lines[1].split() == ["0.25", "12345.68", "x" * 48, "0.500"]
    assert [tuple(event) for event in detection] == sorted(events)
    assert [event.event_label for event in detection] == names[::-1]
