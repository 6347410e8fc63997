"""Whole films instead of one film per clip, and the list of wanted ones."""

import csv

import av
import numpy as np
import pytest

from speechbrain_mmsed.dataio.preparation_checks import PrepareError


@pytest.fixture(scope="module")
def whole_film(tmp_path_factory):
    """A film of 34 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as film:
        track = film.add_stream("libx264", rate=2)
        track.width, track.height, track.pix_fmt = 32, 32, "yuv420p"
        track.codec_context.gop_size = 4
        for i in range(68):
            pixels = np.full((32, 32, 3), 3 * i, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            film.mux(track.encode(frame))
        film.mux(track.encode())
    return path.read_bytes()


def wanted(desed):
    with open(desed.out / "video_wanted.csv", newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def test_parts_of_whole_films(desed, whole_film):
    desed.film("weak", "aaaaaaaaaaa.mp4", whole_film)  # 30 to 40 s: 4 s left
    desed.film("validation", "ccccccccccc.mkv", whole_film)  # 0 to 10 s
    desed.film("validation", "ddddddddddd.mp4", whole_film)  # 5 to 13.7 s
    desed.film("evaluation", "eeeeeeeeeee.mp4", whole_film)  # 120 to 130 s
    report = desed.prepare(video_layout="source")
    rows = {
        key.split("/")[1][:12]: row
        for subset in desed.TABLES
        for key, row in desed.manifest(subset).items()
    }
    first, second = rows["Yccccccccccc"], rows["Yddddddddddd"]
    assert first["video_start"] == 0.0 and second["video_start"] == 5.0
    assert second["video"].endswith("validation/ddddddddddd.mp4")
    status = "too short: 4.00 of 10.00 s"
    assert rows["Yaaaaaaaaaaa"]["video_status"] == status
    assert rows["Yaaaaaaaaaaa"]["video_start"] == 0.0
    assert rows["eeeeeeeeeee_"]["video_status"].startswith("too short: 0.00")
    assert rows["Ybbbbbbbbbbb"]["video_status"] == "absent"
    assert report["subsets"]["validation"]["with_film"] == 2
    less = desed.prepare(video_layout="source", min_video_coverage=0.4)
    assert less["subsets"]["weak"]["with_film"] == 1


def test_wanted_films(desed, films):
    name = "Yccccccccccc_0.000_10.000.mp4"
    desed.film("validation", name, films["whole"])
    desed.film("weak", "Yaaaaaaaaaaa_30.000_40.000.mp4", films["short"])
    desed.prepare()
    assert wanted(desed) == [
        ("aaaaaaaaaaa", "30.000", "40.000", "weak"),
        ("bbbbbbbbbbb", "0.000", "10.000", "unlabelled"),
        ("ddddddddddd", "5.000", "14.000", "validation"),
        ("eeeeeeeeeee", "120.000", "130.000", "evaluation"),
        ("fffffffffff", "0.000", "11.000", "evaluation"),
    ]


def test_a_name_without_times(desed, whole_film):
    desed.table("unlabelled", "filename\nbark.wav\n")
    desed.sound("unlabelled", "bark.wav")
    desed.film("unlabelled", "bark.mp4", whole_film)
    report = desed.prepare(video_layout="source")
    (row,) = desed.manifest("unlabelled").values()
    assert row["video_status"] == "absent (no times in the clip's name)"
    assert report["subsets"]["unlabelled"]["film_reasons"] == {"absent": 1}
    assert all(row[3] != "unlabelled" for row in wanted(desed))


def test_unknown_layout(desed):
    with pytest.raises(PrepareError, match="'sauce'.*'source'"):
        desed.prepare(video_layout="sauce")
