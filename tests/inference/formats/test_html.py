"""The page: what is in it, and that a browser makes something of it."""

import base64
import json
import re
import shutil
import subprocess
import urllib.parse

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.inference.formats import html, write_detection
from speechbrain_mmsed.inference.formats.values import pool_frames

ENDINGS = "</script><!-- & \u2028 \"'@@DATA@@"


def contents(page):
    """The data and the embedded file of a page, as a browser finds them."""
    data, media = (
        re.search(rf'<script [^>]*id="{name}">(.*?)</script>', page, re.S)[1]
        for name in ("data", "media")
    )
    return json.loads(data), base64.b64decode(media)


def test_scores_and_events_are_in_the_page(detection):
    data, media = contents(html.render(detection))
    scores = detection.scores
    frames = np.frombuffer(base64.b64decode(data["frames"]), np.uint8)
    frames = frames.reshape(-1, len(scores.labels)) / 255
    np.testing.assert_allclose(frames, scores.frame, atol=0.5 / 255 + 1e-6)
    assert data["events"] == [
        [0.626, 0.7825, 2, 0.6],
        [0.626, 1.252, 1, 0.9],
        [6.26, 10.0, 2, 0.75],
    ]
    assert [scores.labels[i] for i in data["tags"]] == ["Dog", "Speech"]
    assert data["media"] is None and media == b""


def test_of_many_classes_those_found_are_shown(make_detection):
    labels = [f"class {n}" for n in range(521)]
    detection = make_detection(
        [(1, 2, "class 400", 0.9), (3, 4, "class 30", 0.4)], labels=labels
    )
    data, _ = contents(html.render(detection))
    assert {"class 30", "class 400"} <= set(data["labels"])
    assert len(data["labels"]) <= 7 and "of 521 classes" in data["note"]
    frames = np.frombuffer(base64.b64decode(data["frames"]), np.uint8)
    frames = frames.reshape(-1, len(data["labels"])) / 255
    columns = [labels.index(label) for label in data["labels"]]
    expected = detection.scores.frame[:, columns]
    np.testing.assert_allclose(frames, expected, atol=0.5 / 255 + 1e-6)
    assert [data["labels"][e[2]] for e in data["events"]] == [
        *("class 400", "class 30")
    ]
    assert len(data["clip"]) == len(data["labels"])
    few, _ = contents(html.render(make_detection(labels=labels[:60])))
    assert few["labels"] == labels[:60] and few["note"] == ""


def test_names_cannot_break_the_page(make_detection):
    labels = [ENDINGS, "Dog"]
    detection = make_detection(
        [(0, 1, ENDINGS, 0.9)], labels=labels, filename=f"{ENDINGS}.wav"
    )
    page = html.render(detection)
    data, _ = contents(page)
    # A line separator is not printable and stands there as its escape.
    shown = ENDINGS.replace("\u2028", "\\u2028")
    assert data["labels"][0] == shown and data["filename"] == f"{shown}.wav"
    assert page.count("</script>") == 3 and page.count("<!--") == 0
    assert "<title>&lt;/script&gt;&lt;!-- &amp;" in page


def test_nothing_is_fetched(detection):
    page = html.render(detection)
    assert not re.search(r"https?://|@import|url\(|<link|\bsrc=", page)
    assert "@@" not in page


def test_a_small_file_is_in_the_page_and_a_large_one_linked(
    detection, tmp_path, monkeypatch
):
    source = tmp_path / "films/my film #1 100%.mp4"
    source.parent.mkdir()
    source.write_bytes(b"\x00\xff" * 50)
    page = tmp_path / "out/deep/film.html"
    write_detection(detection, "html", page, source)
    data, media = contents(page.read_text())
    assert media == source.read_bytes()
    assert data["media"] == {"name": source.name, "element": "video"}
    monkeypatch.setattr(html, "EMBED_BYTES", 99)
    write_detection(detection, "html", page, source)
    data, media = contents(page.read_text())
    assert media == b""
    link = urllib.parse.urljoin(page.as_uri(), data["media"]["link"])
    assert urllib.parse.unquote(urllib.parse.urlsplit(link).path) == str(source)
    assert data["media"]["where"] == "../../films/my film #1 100%.mp4"


@pytest.mark.parametrize(
    ("name", "element"),
    [("a.WAV", "audio"), ("a.m4a", "audio"), ("a.mkv", "video")],
)
def test_sounds_have_a_player_of_sounds(detection, tmp_path, name, element):
    (tmp_path / name).write_bytes(b"x")
    data, _ = contents(html.render(detection, tmp_path / name))
    assert data["media"]["element"] == element


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(1, 20))
def test_pooled_frames_keep_the_largest_scores(n_frames, most):
    frames = np.random.default_rng(n_frames).random((n_frames, 2))
    pooled, factor = pool_frames(frames, most)
    assert len(pooled) <= most
    expected = [
        frames[i : i + factor].max(axis=0) for i in range(0, n_frames, factor)
    ]
    np.testing.assert_array_equal(pooled, np.reshape(expected, (-1, 2)))


def test_a_long_recording_stays_light(make_detection):
    detection = make_detection([(0, 1, "Dog", 0.9)], duration=36_000.0)
    page = html.render(detection)
    data, _ = contents(page)
    n_frames = len(base64.b64decode(data["frames"])) / 3
    assert data["pooled"] == 3 and n_frames * data["frame_hop"] >= 36_000
    assert len(page) < 1_000_000


@pytest.mark.slow
def test_a_browser_shows_the_page(make_detection, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium")
    events = [(n, n + 0.5, "Dog", 0.9) for n in range(2, 400, 2)]
    detection = make_detection(events, duration=400.0, filename=ENDINGS)
    write_detection(detection, "html", tmp_path / "page.html")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
    options += ("--disable-background-networking", "--disable-sync")
    done = subprocess.run(
        [
            *(chromium, *options, f"--user-data-dir={tmp_path / 'user'}"),
            *("--virtual-time-budget=2000", "--dump-dom"),
            f"{(tmp_path / 'page.html').as_uri()}#t=350.25",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    shown = done.stdout
    # It opened at the time of the address, outside the first five minutes.
    assert re.search(r'id="clock">5:50\.25 / 6:40\.00</output>', shown)
    assert re.search(
        r'<tr data-event="174" class="now"><td>5:50.00</td>', shown
    )
    assert "199 in all</caption>" in shown
    assert "There is no sound or film to play here." in shown
    assert shown.count('<div class="tag">') == 1
