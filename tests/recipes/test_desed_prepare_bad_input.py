"""Preparation of DESED: what is refused, tolerated and reported."""

import os

import pandas as pd
import pytest

from speechbrain_mmsed.dataio.corpus import probe
from speechbrain_mmsed.dataio.corpus.preparation import PrepareError
from speechbrain_mmsed.dataio.corpus.tables import AnnotationError


def test_odd_sound_is_counted_and_kept(desed):
    desed.sound("strong", "0.wav", rate=2000, channels=2)
    desed.sound("strong", "1.wav", level=0.0)
    counts = desed.prepare()["subsets"]["strong"]
    assert counts["found"] == 2
    assert counts["sound"] == {
        "resampled": 1,
        "down_mixed": 1,
        "silent": 1,
        "shorter": 0,
        "longer": 0,
    }


def test_missing_sound_is_listed_and_tolerated_up_to_a_fraction(desed):
    folder = desed.data / "audio/train/synthetic20/soundscapes"
    (folder / "0.wav").write_bytes(b"no sound at all")
    with pytest.raises(PrepareError) as caught:
        desed.prepare()
    text = str(caught.value)
    assert "strong: 1 of 2 (50.0%)" in text and "0.wav (unreadable" in text
    assert "max_missing_fraction: 0.5" in text and "missing_sound.tsv" in text
    # Nothing that looks like a finished preparation is left behind.
    assert set(desed.files()) == {"missing_sound.tsv"}
    with pytest.raises(PrepareError, match="no finished preparation"):
        desed.prepare(skip_prep=True)
    report = desed.prepare(max_missing_fraction=0.5)
    counts = report["subsets"]["strong"]
    assert (counts["expected"], counts["found"]) == (2, 1)
    assert counts["missing_reasons"] == {"unreadable": 1}
    assert list(desed.manifest("strong")) == ["strong/1"]
    listed = (desed.out / "missing_sound.tsv").read_text().splitlines()
    assert listed[1].startswith("strong\t0.wav\tunreadable")


def test_ground_truth_holds_only_clips_that_can_be_heard(desed):
    path = desed.data / "audio/validation/Yccccccccccc_0.000_10.000.wav"
    path.write_bytes(b"")
    report = desed.prepare(max_missing_fraction=0.5)
    counts = report["subsets"]["validation"]
    assert counts["annotations"]["without_sound"] == 1
    for name in ("validation", "validation_durations"):
        table = pd.read_csv(desed.out / f"ground_truth/{name}.tsv", sep="\t")
        assert list(table["filename"]) == ["Yddddddddddd_5.000_14.000.wav"]


def test_weak_clips_without_tags_and_repeated_rows(desed):
    desed.table(
        "weak",
        "filename\tevent_labels\nYaaaaaaaaaaa_30.000_40.000.wav\tDog\n"
        "Yaaaaaaaaaaa_30.000_40.000.wav\tCat\nYlllllllllll_0.000_10.000.wav\t\n"
        "\t\n",
    )
    desed.sound("weak", "Ylllllllllll_0.000_10.000.wav")
    report = desed.prepare()
    assert report["subsets"]["weak"]["annotations"] == {
        "empty_rows": 1,
        "repeated_clips": 1,
        "unknown_label": 0,
        "left_out_without_tags": 1,
    }
    (clip,) = desed.manifest("weak").values()
    assert clip["tags"] == ["Cat", "Dog"]


def test_unknown_labels_stop_before_any_sound_is_read(desed, monkeypatch):
    desed.table("weak", "filename\tevent_labels\nYa.wav\tDog,Doq\n")
    with monkeypatch.context() as patch:
        patch.setattr(probe, "probe_sound", None)
        with pytest.raises(
            AnnotationError, match=r"(?s)weak\.tsv.*line 2.*Doq"
        ):
            desed.prepare()
    assert not desed.out.exists()


def test_a_subset_without_clips_stops_before_or_after_as_batches_need(
    desed, monkeypatch
):
    sizes = {"strong": 1, "weak": 1, "unlabelled": 0}
    whole = (desed.data / desed.TABLES["weak"]).read_text()
    for text in ("filename\tevent_labels\n\t\n \n", ""):
        path = desed.table("weak", text)
        with monkeypatch.context() as patch:
            patch.setattr(probe, "probe_sound", None)
            told = f"weak: table {path}: LISTS NO CLIPS"
            with pytest.raises(PrepareError, match=told):
                desed.prepare(batch_sizes=sizes)
    desed.prepare(batch_sizes={**sizes, "weak": 0})
    # None of them has a label.
    desed.table("weak", whole.replace("Dog,Cat", ""))
    for skip in (False, True):
        with pytest.raises(PrepareError, match="no clips, but batch_weak is 1"):
            desed.prepare(batch_sizes=sizes, skip_prep=skip)


def test_two_names_of_one_clip_are_refused(desed):
    desed.table(
        "unlabelled",
        "filename\nYbbbbbbbbbbb_0.000_10.000.wav\nbbbbbbbbbbb_0_10.wav\n",
    )
    with pytest.raises(AnnotationError, match="line 3.*same clip"):
        desed.prepare()


def test_counts_that_differ_and_clips_in_two_subsets_are_reported(desed):
    name = "Yeeeeeeeeeee_120.000_130.000.wav"
    desed.table("unlabelled", f"filename\n{name}\n")
    desed.sound("unlabelled", name)
    report = desed.prepare(expected_counts={"weak": 1, "strong": 2584})
    assert report["warnings"] == [
        "strong: 2 of 2584 clips (expected_counts) were found, its table lists "
        "2",
        "1 clips are in each of unlabelled and evaluation",
    ]
    assert "WARNING: strong" in (desed.out / "prepare_report.md").read_text()
    with pytest.raises(PrepareError, match="'strang'. are not subsets"):
        desed.prepare(expected_counts={"strang": 1})


@pytest.mark.parametrize("kind", ["absent", "empty", "no audio", "no sound"])
def test_a_wrong_folder_ends_in_one_message(desed, tmp_path, kind):
    if kind == "absent":
        desed.data = tmp_path / "nowhere"
    elif kind == "empty":
        desed.data = tmp_path / "empty"
        desed.data.mkdir()
    elif kind == "no audio":
        (desed.data / "audio").rename(desed.data / "sound")
    else:
        for path in (desed.data / "audio/train/weak").iterdir():
            path.unlink()
    with pytest.raises(PrepareError) as caught:
        desed.prepare()
    text = str(caught.value)
    assert str(desed.data) in text and "Set data_folder" in text
    folder = desed.data / "audio/train/weak"
    fault = "HOLDS NO SOUND FILES" if kind == "no sound" else "NOT FOUND"
    assert f"weak: sound {folder}: {fault}" in text
    assert not desed.out.exists()


def test_places_can_be_set_one_by_one(desed, films, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (desed.data / "audio/train/weak").rename(elsewhere)
    table = (desed.data / desed.TABLES["weak"]).rename(desed.data / "w.tsv")
    desed.film("strong", "0.webm", films["whole"])
    report = desed.prepare(
        subsets={
            "weak": {"audio": str(elsewhere), "tsv": "w.tsv"},
            "strong": {"video": "video/" + desed.FOLDERS["strong"]},
        }
    )
    assert report["subsets"]["weak"]["found"] == 1
    assert report["places"]["weak"]["tsv"] == str(table)
    assert report["subsets"]["strong"]["film_reasons"] == {"absent": 1}
    for subsets, message in (
        ({"weak": {"film": "x"}}, "film"),
        ({"week": {}}, "week"),
        ({"weak": {"video": "typo"}}, "NOT FOUND"),
    ):
        with pytest.raises(PrepareError, match=message):
            desed.prepare(subsets=subsets)


def test_output_among_the_data_is_refused(desed):
    desed.out = desed.data / "audio/train/weak/prepared"
    with pytest.raises(PrepareError, match="outside the corpus"):
        desed.prepare()
    assert not desed.out.exists()


def test_a_full_disk_leaves_no_finished_preparation(desed, monkeypatch):
    desed.prepare()
    desed.sound("strong", "0.wav", 9)
    replace = os.replace

    def full(source, target):
        if target.endswith("validation.json"):
            raise OSError(28, "No space left on device", target)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="The disk is full"):
            desed.prepare()
    assert "prepare_report.json" not in desed.files()
    assert not any(".tmp" in name for name in desed.files())
    desed.prepare()


def milliseconds(desed, rows, subset="strong"):
    lines = [f"{name}\t{a}\t{b}\tDog\n" for name, a, b in rows]
    desed.table(subset, desed.EVENTS + "".join(lines))


def test_events_that_all_lie_beyond_their_clips_stop(desed):
    milliseconds(desed, [("0.wav", 1500, 2500), ("1.wav", 700, 9100)])
    with pytest.raises(PrepareError) as caught:
        desed.prepare()
    text = str(caught.value)
    table = desed.data / desed.TABLES["strong"]
    assert text.startswith(f"{table}: 2 of 2 events lie beyond their clips")
    assert "9100" in text and "seconds?" in text and "\n" not in text
    assert "prepare_report.json" not in desed.files()


def test_most_events_beyond_their_clips_are_a_warning(desed):
    rows = [("0.wav", 1500, 2500), ("0.wav", 1, 2), ("1.wav", 700, 9100)]
    milliseconds(desed, rows)
    (warning,) = desed.prepare()["warnings"]
    assert "2 of 3 events" in warning and "seconds?" in warning
    milliseconds(desed, [*rows, ("0.wav", 3, 4)])
    assert desed.prepare()["warnings"] == []
    # Events of clips without sound lie nowhere.
    (desed.data / "audio/train/synthetic20/soundscapes/0.wav").unlink()
    with pytest.raises(PrepareError, match="1 of 1 events lie beyond"):
        desed.prepare(max_missing_fraction=0.5)


def test_tables_as_excel_writes_them(desed):
    text = "filename\tevent_labels\r\nYaaaaaaaaaaa_30.000_40.000.wav\tDog\r\n"
    path = desed.data / desed.TABLES["weak"]
    path.write_bytes(text.encode("utf-16"))
    table = desed.EVENTS + "0.wav\t1,5\t3,5\tDog\n1.wav\tnan\tnan\tnan\n"
    desed.table("strong", table.replace("\t", ";"))
    report = desed.prepare()
    assert report["warnings"] == []
    assert desed.manifest("strong")["strong/0"]["events"] == [[1.5, 3.5, "Dog"]]
    (clip,) = desed.manifest("weak").values()
    assert clip["tags"] == ["Dog"]


def test_class_labels_that_hold_commas(desed):
    labels = ["Male speech, man speaking", "Domestic animals, pets"]
    desed.LABELS = ["Cat", "Dog", *labels]
    name = "Yaaaaaaaaaaa_30.000_40.000.wav"
    desed.table("weak", f"filename\tevent_labels\n{name}\t{','.join(labels)}\n")
    desed.prepare()
    (clip,) = desed.manifest("weak").values()
    assert clip["tags"] == labels


def test_a_setting_that_nothing_reads(desed):
    with pytest.raises(PrepareError, match="'clip_second'. are not settings"):
        desed.prepare(clip_second=9.0)
