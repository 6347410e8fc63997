"""What the page computes by itself, run outside a browser."""

import base64
import dataclasses
import json
import pathlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

from speechbrain_mmsed.inference.formats import html
from speechbrain_mmsed.inference.formats.values import in_order
from speechbrain_mmsed.inference.results import (
    Detection,
    FileScores,
    events_of,
)
from speechbrain_mmsed.postprocessing.box_parameters import BoxParameters
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

LABELS = ["Dog", "Cat"]
HOP = 0.1565


# Stands for whatever the page asks of a browser; what is set on an element,
# its children and its listeners are kept.
BROWSER = """
const any = new Proxy(function () {}, {
  get: (_, key) => key === Symbol.toPrimitive ? () => 0 : any,
  set: () => true, apply: () => any, construct: () => any });
const known = {};
function element(tag) {
  const own = { tag, children: [], listeners: {}, rows: [], dataset: {} };
  own.append = (...more) => { own.children.push(...more); };
  own.replaceChildren = (...more) => { own.children = more; };
  own.addEventListener = (name, f) => { own.listeners[name] = f; };
  own.insertRow = () => own.rows[own.rows.push(element("tr")) - 1];
  own.replaceWith = (other) => { known.body = other; };
  return new Proxy(own, { get: (o, key) => key in o ? o[key] : any });
}
const byId = (id) => known[id] = known[id] || element(id);
const document = { getElementById: byId, createElement: element,
  addEventListener() {}, documentElement: any };
const location = { hash: "" }, URLSearchParams = any, matchMedia = any;
const getComputedStyle = any, ResizeObserver = any;
const atob = () => "", requestAnimationFrame = (f) => f();
var window = any;
byId("events").caption = element("caption");
byId("events").tBodies = [byId("body")];
function set(element, name, value) {
  element[name] = value;
  element.listeners[name === "checked" ? "change" : "input"]();
}
const seen = () => ({ chosen: byId("chosen").textContent,
  caption: byId("events").caption.textContent,
  listed: known.body.rows.length, names: byId("names").children.length,
  counts: choices.map((choice) => choice.count.textContent),
  values: choices.map((choice) => choice.value.textContent) });
"""


@pytest.fixture(scope="module")
def page():
    """The page's functions that need no browser."""
    engine = MiniRacer()
    folder = pathlib.Path(html.__file__).parent
    names = ("page_events.js", "page_spectrogram.js")
    engine.eval("\n".join((folder / name).read_text() for name in names))
    return engine


def made_up(rng, n_frames, n_beyond=0, part=0.5):
    """Scores of eight bits in runs, so that filters have something to do."""
    shape = (n_frames + n_beyond, len(LABELS))
    levels = rng.integers(0, 256, shape)
    # Some frames repeat the one before.
    for row in range(1, len(levels)):
        if rng.random() < 0.6:
            levels[row] = levels[row - 1]
    frame = (levels / 255).astype(np.float32)
    return FileScores(
        *("a.wav", LABELS, frame[:n_frames], [0.9, 0.2], HOP),
        duration=(n_frames - part) * HOP,
        beyond=frame[n_frames:],
    )


def median(thresholds, windows):
    return ClassParameters(LABELS, thresholds, windows, [True, True])


def boxes(thresholds):
    return BoxParameters(
        labels=LABELS,
        thresholds=thresholds,
        tuned=[True, True],
        lengths=[0.3, 0.5],
        absolute=[0.1, 0.2],
        relative=[1.5, 2.0],
    )


def detected(scores, parameters):
    return Detection(events_of(scores, parameters), scores, [], parameters)


def data_of(detection):
    """The data of its page, as text."""
    return re.search(r'id="data">(.*?)</script>', html.render(detection), re.S)[
        1
    ]


def page_events(page, detection, moved, shown=(True, True)):
    """Events of the page where thresholds (None: not) have been moved."""
    data = data_of(detection)
    bytes_of = (
        list(base64.b64decode(json.loads(data)[name]))
        for name in ("frames", "beyond")
    )
    frames, beyond = map(json.dumps, bytes_of)
    # What lies behind the data is `moved` with the events made of it.
    return json.loads(
        page.eval(
            f"""{{ const data = {data}, moved = {json.dumps(moved)};
            const made = moved.map((threshold, label) =>
              threshold === null ? null
                : eventsOf(data, label, threshold, {frames}, {beyond}));
            JSON.stringify(chosenEvents(data, made, {json.dumps(shown)})) }}"""
        )
    )


def assert_same(found, events):
    """Rows of a page and a table hold the same events, in order."""
    expected = [
        (onset, offset, LABELS.index(label), score)
        for onset, offset, label, score in in_order(events)
    ]
    assert [row[2] for row in found] == [row[2] for row in expected]
    np.testing.assert_allclose(
        np.reshape(found, (-1, 4)), np.reshape(expected, (-1, 4)), atol=6e-4
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_frames=st.integers(1, 40),
    n_beyond=st.integers(0, 12),
    halves=st.tuples(st.integers(0, 30), st.integers(0, 3)),
    levels=st.tuples(st.integers(-1, 255), st.integers(-1, 255)),
)
def test_moved_thresholds_give_the_events_of_decode(
    page, seed, n_frames, n_beyond, halves, levels
):
    scores = made_up(np.random.default_rng(seed), n_frames, n_beyond)
    windows = [2 * half + 1 for half in halves]
    detection = detected(scores, median([0.5, 0.5], windows))
    thresholds = [(level + 0.5) / 255 for level in levels]
    expected = events_of(scores, median(thresholds, windows))
    assert_same(page_events(page, detection, thresholds), expected)


def test_a_class_that_was_not_moved_keeps_its_events(page):
    scores = made_up(np.random.default_rng(1), 40)
    detection = detected(scores, median([0.5, 0.5], [3, 1]))
    # As after --min-duration: not what threshold and filter would give.
    detection.events = detection.events[detection.events["onset"] > 1]
    assert_same(page_events(page, detection, [None, None]), detection.events)
    own = detection.events[detection.events["event_label"] == "Dog"]
    assert len(own)
    hidden = page_events(page, detection, [None, 0.1], [True, False])
    assert_same(hidden, own)
    lower = events_of(scores, median([1.0, 0.1], [3, 1]))
    found = page_events(page, detection, [None, 0.1])
    assert_same([row for row in found if row[2] == 1], lower)
    assert_same([row for row in found if row[2] == 0], own)


def test_boxes_are_chosen_by_their_confidence(page):
    scores = made_up(np.random.default_rng(2), 60)
    detection = detected(scores, boxes([0.7, 0.7]))
    assert_same(page_events(page, detection, [None, None]), detection.events)
    for threshold in (0.06, 0.4, 0.8):
        expected = events_of(scores, boxes([threshold, threshold]))
        assert_same(page_events(page, detection, [threshold] * 2), expected)


def test_of_very_many_boxes_the_most_certain_are_stored(page, monkeypatch):
    scores = made_up(np.random.default_rng(3), 60)
    detection = detected(scores, boxes([0.7, 0.7]))
    monkeypatch.setattr(html, "MAX_BOXES", 5)
    text = data_of(detection)
    everything = events_of(scores, boxes([0.0, 0.0]))["score"]
    kept = sorted(row[3] for row in json.loads(text)["boxes"])
    np.testing.assert_allclose(kept, sorted(everything)[-5:], atol=6e-4)
    # No slider goes (but for rounding) where boxes are missing.
    lowest = page.eval(f"lowestThreshold({text}, 1)")
    assert lowest == min(kept[0], 0.7)


def test_thresholds_and_windows_are_those_of_the_detection(page):
    scores = made_up(np.random.default_rng(4), 30, 20)
    detection = detected(scores, median([0.25, 0.75], [3, 9]))
    text = data_of(detection)
    data = json.loads(text)
    assert data["thresholds"] == [0.25, 0.75] and data["windows"] == [3, 9]
    assert data["boxes"] is None
    assert page.eval(f"thresholdOf({text}, 1)") == 0.75
    assert page.eval(f"lowestThreshold({text}, 1)") == 0
    unknown = dataclasses.replace(detection, parameters=None)
    assert page.eval(f"thresholdOf({data_of(unknown)}, 1)") == 0.5
    expected = events_of(scores, median([0.4, 0.4], [1, 1]))
    assert_same(page_events(page, unknown, [0.4, 0.4]), expected)


def test_windows_count_stored_frames(page, monkeypatch):
    scores = made_up(np.random.default_rng(5), 30, 4)
    scores.duration = 30 * HOP
    detection = detected(scores, median([0.5, 0.5], [1, 9]))
    monkeypatch.setattr(html, "MAX_FRAMES", 10)
    largest = scores.frame.reshape(10, 3, 2).max(axis=1)
    pooled = dataclasses.replace(
        scores, frame=largest, frame_hop=3 * HOP, beyond=None
    )
    expected = events_of(pooled, median([0.7, 0.7], [1, 3]))
    assert_same(page_events(page, detection, [0.7, 0.7]), expected)


def test_levels_of_the_spectrogram_are_those_of_a_transform(page):
    rng = np.random.default_rng(6)
    time = np.arange(2000) / 16000
    samples = 0.5 * np.sin(2 * np.pi * 1000 * time)
    samples += 0.001 * rng.standard_normal(2000)
    found = json.loads(
        page.eval(
            f"JSON.stringify(Array.from(levels({samples.tolist()}, 2, 5)))"
        )
    )
    window = np.hanning(513)[:-1]
    for column, at in enumerate((512, 768, 1024)):
        spectrum = np.fft.rfft(window * samples[at - 256 : at + 256])[:256]
        power = (np.abs(spectrum) / window.sum() * 2) ** 2
        expected = 2 * (10 * np.log10(power + 1e-12) + 120)
        mine = found[256 * column : 256 * (column + 1)]
        np.testing.assert_allclose(mine, expected, atol=0.51)
        # A tone of half of full scale: -6 dB at 1 kHz.
        assert np.argmax(mine) == 32 and abs(max(mine) / 2 - 120 + 6) < 0.6


def test_table_rows_and_counts_follow_boxes_and_sliders():
    scores = made_up(np.random.default_rng(7), 200)
    detection = detected(scores, boxes([0.5, 0.625]))
    text = html.render(detection)
    script = re.findall(r"<script>(.*?)</script>", text, re.S)[0]
    engine = MiniRacer()
    engine.eval(BROWSER)
    engine.eval(f"byId('data').textContent = {json.dumps(data_of(detection))}")
    engine.eval(script)

    def seen(action=""):
        return json.loads(engine.eval(f"{action}; JSON.stringify(seen())"))

    def count(label, threshold):
        mine = events_of(scores, boxes([threshold] * 2))
        return (mine["event_label"] == label).sum()

    dogs, cats = count("Dog", 0.5), count("Cat", 0.625)
    few = count("Dog", 0.7)  # boxes above it
    assert few < dogs and few > 1 and cats > 1
    start = seen()
    assert start == {
        "chosen": "2 of 2 shown, 0 thresholds moved",
        "caption": f"{dogs + cats} events",
        "listed": dogs + cats,
        "names": 2,
        "counts": [f"{dogs} events", f"{cats} events"],
        "values": ["0.50", "0.6250"],
    }
    moved = seen("set(choices[0].slider, 'value', '0.7')")
    assert moved == {
        **start,
        "chosen": "2 of 2 shown, 1 threshold moved",
        "caption": f"{few + cats} events",
        "listed": few + cats,
        "counts": [f"{few} events", f"{cats} events"],
        "values": ["0.70", "0.6250"],
    }
    hidden = seen("set(choices[1].box, 'checked', false)")
    assert hidden["counts"] == [f"{few} events", "hidden"]
    assert hidden["names"] == 1 and hidden["listed"] == few
    assert seen("byId('reset').listeners.click()") == start
