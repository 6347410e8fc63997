"""Whole films instead of one film per clip, and the list of wanted ones."""

import csv

import av
import numpy as np
import pytest

from speechbrain_mmsed.dataio.corpus.preparation import PrepareError
from speechbrain_mmsed.dataio.media.frames import grid_times
from speechbrain_mmsed.dataio.streams.clip_features import ClipFeatureReader


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


class MeanColour:
    """An embedding of width 3, as `ClipFeatureReader` uses one."""

    frame_size = 8
    embedder = property(lambda self: self)

    def reduce(self, picture):
        return picture

    def __call__(self, frames):
        return frames.mean((1, 2), dtype=np.float32)


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


def test_features_of_a_part(desed, whole_film):
    """Picture i of the film, shown from i/2 s on, has the colour 3 i."""
    name = "Yddddddddddd_5.000_14.000"
    desed.film("validation", "ddddddddddd.mp4", whole_film)
    desed.film("validation", "ccccccccccc.mp4", whole_film)
    desed.prepare(video_layout="source")
    rows = desed.manifest("validation")
    reader = ClipFeatureReader({"colour": MeanColour()})
    features = {}
    for clip_id, row in rows.items():
        result = reader(clip_id, row, ["colour"])
        assert result.reason == ""
        features[clip_id] = result.features["colour"].mean(-1)
    times = grid_times()
    first = features["validation/Yccccccccccc_0.000_10.000"]
    second = features[f"validation/{name}"]
    np.testing.assert_allclose(first, 3 * np.floor(2 * times), atol=2)
    np.testing.assert_allclose(second, 3 * np.floor(2 * times + 10), atol=2)


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
    reason = "no times in the name"
    assert row["video_status"] == reason
    assert report["subsets"]["unlabelled"]["film_reasons"] == {reason: 1}
    note = f"- unlabelled, films: {reason} 1\n"
    assert note in (desed.out / "prepare_report.md").read_text()
    assert all(row[3] != "unlabelled" for row in wanted(desed))


def test_unknown_layout(desed):
    with pytest.raises(PrepareError, match="'sauce'.*'source'"):
        desed.prepare(video_layout="sauce")


def test_ids_stay_as_they_are(desed):
    """Ids may begin with a dash or an underscore, or with Y."""
    ids = ["--0bntG9i7E", "_9mgOkzm-xg", "YABCDEFGHIJ", "-Yxyz_12_30"]
    names = [f"Y{name}_30.000_40.000.wav" for name in ids]
    desed.table("unlabelled", "filename\n" + "\n".join([*names, ""]))
    for name in names:
        desed.sound("unlabelled", name)
    desed.prepare()
    rows = [row for row in wanted(desed) if row[3] == "unlabelled"]
    assert [row[0] for row in rows] == sorted(ids)
    assert {row[1:3] for row in rows} == {("30.000", "40.000")}


def test_one_film_of_several_clips(desed, whole_film):
    ids = ["-Yxyz_12_30", "_9mgOkzm-xg"]
    names = [f"Y{i}_{k}.500_{k + 10}.500.wav" for i in ids for k in (0, 7, 20)]
    desed.table("unlabelled", "filename\n" + "\n".join([*names, ""]))
    for name in names:
        desed.sound("unlabelled", name)
    for name in ids:
        desed.film("unlabelled", f"{name}.webm", whole_film)
    report = desed.prepare(video_layout="source")
    assert report["subsets"]["unlabelled"]["with_film"] == 6
    rows = desed.manifest("unlabelled").values()
    assert [row["video_start"] for row in rows] == [0.5, 7.5, 20.5] * 2
    assert len({row["video"] for row in rows}) == 2
    # The same folder, taken for films that were cut.
    report = desed.prepare()
    counts = report["subsets"]["unlabelled"]
    assert counts["film_reasons"] == {"absent": 6}
    warning = (
        "unlabelled: the films of 6 clips are named as for video_layout: source"
    )
    assert report["warnings"] == [warning]


def test_cut_films_where_whole_ones_are_expected(desed, films):
    desed.film("weak", "Yaaaaaaaaaaa_30.000_40.000.mp4", films["whole"])
    (warning,) = desed.prepare(video_layout="source")["warnings"]
    assert warning.endswith("1 clips are named as for video_layout: clip")


def test_whole_films_are_no_sound(desed, whole_film):
    (desed.data / "audio/train/weak/Yaaaaaaaaaaa_30.000_40.000.wav").unlink()
    (desed.data / "audio/train/weak/aaaaaaaaaaa.mp4").write_bytes(whole_film)
    for layout in ("clip", "source"):
        with pytest.raises(
            PrepareError, match="weak/aaaaaaaaaaa.mp4 is a whol"
        ):
            desed.prepare(video_layout=layout)
    assert desed.files() == {}


@pytest.mark.parametrize("filmed", [False, True])
def test_a_clip_without_sound_wants_the_film_it_lacks(desed, films, filmed):
    (desed.data / "audio/eval/public/eeeeeeeeeee_120_130.wav").unlink()
    if filmed:
        desed.film("evaluation", "eeeeeeeeeee_120_130.mp4", films["whole"])
    counts = desed.prepare(max_missing_fraction=0.5)["subsets"]["evaluation"]
    assert (counts["with_film"], counts["without_film"]) == (0, 1)
    rows = [row[0] for row in wanted(desed) if row[3] == "evaluation"]
    assert rows == ["eeeeeeeeeee", "fffffffffff"][filmed:]


@pytest.mark.parametrize(
    ("template", "layout"),
    [
        ("{}_30000_40000.mp4", "clip"),
        ("{}_000030.mp4", "clip"),
        ("{}_30.0-40.0.mp4", "clip"),
        ("{}-30-40.MP4", "clip"),
        ("My holiday [{}].mp4", "source"),
        ("Title-{}.webm", "source"),
        ("Y{}.mkv", "source"),
    ],
)
def test_films_as_download_programs_name_them(
    desed, films, whole_film, template, layout
):
    video = "-Yxyz_12_30"
    name = f"Y{video}_{30 if layout == 'clip' else 15}.000_40.000.wav"
    desed.table("weak", f"filename\tevent_labels\n{name}\tDog\n")
    desed.sound("weak", name)
    content = films["whole"] if layout == "clip" else whole_film
    desed.film("weak", template.format(video), content)
    report = desed.prepare(video_layout=layout)
    assert report["subsets"]["weak"]["with_film"] == 1
    assert report["warnings"] == []
    (clip,) = desed.manifest("weak").values()
    assert clip["video_start"] == (0.0 if layout == "clip" else 15.0)
    assert clip["video"].endswith(template.format(video))
    # In the other layout it is told.
    other = {"clip": "source", "source": "clip"}[layout]
    (warning,) = desed.prepare(video_layout=other)["warnings"]
    assert warning.endswith(f"are named as for video_layout: {layout}")


def test_films_of_no_clip_are_counted_and_shown(desed, films, capsys):
    for name in ("b holiday.mp4", "a holiday.mp4"):
        desed.film("weak", name, films["whole"])
    report = desed.prepare()
    (warning,) = report["warnings"]
    folder = desed.data / "video/train/weak"
    assert warning == (
        f"2 films in {folder} are of no clip, such as a holiday.mp4; that of "
        "Yaaaaaaaaaaa_30.000_40.000.wav may be called "
        "Yaaaaaaaaaaa_30.000_40.000.mp4"
    )
    assert f"WARNING: {warning}" in capsys.readouterr().out
    (warning,) = desed.prepare(video_layout="source")["warnings"]
    assert warning.endswith("may be called aaaaaaaaaaa.mp4")


def test_subsets_may_share_a_folder_of_films(desed, films):
    for name in ("aaaaaaaaaaa_30_40", "bbbbbbbbbbb_0_10", "ccccccccccc_1_2"):
        desed.film("weak", f"{name}.mp4", films["whole"])
    shared = {"video": "video/train/weak"}
    report = desed.prepare(subsets={"unlabelled": shared})
    found = [report["subsets"][s]["with_film"] for s in ("weak", "unlabelled")]
    assert found == [1, 1]
    (warning,) = report["warnings"]
    assert warning.startswith("1 films in") and "ccccccccccc_1_2" in warning


def test_two_films_of_a_clip_are_told_and_the_first_is_taken(desed, films):
    for name in ("aaaaaaaaaaa_30_40.webm", "aaaaaaaaaaa-30-40.mp4"):
        desed.film("weak", name, films["whole"])
    report = desed.prepare()
    ignored = report["subsets"]["weak"]["ignored"]
    assert ignored["clips_with_several_films"] == 1
    (clip,) = desed.manifest("weak").values()
    assert clip["video"].endswith("aaaaaaaaaaa_30_40.webm")
    text = (desed.out / "prepare_report.md").read_text()
    assert "clips with several films 1" in text
