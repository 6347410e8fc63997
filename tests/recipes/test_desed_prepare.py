"""Preparation of DESED: what is found, counted, refused and written."""

import importlib.util
import json
import os
import pathlib

import numpy as np
import pandas as pd
import pytest
import soundfile

from speechbrain_mmsed.dataio.annotations import AnnotationError
from speechbrain_mmsed.dataio.preparation_checks import PrepareError

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "recipes" / "DESED"
LABELS = ["Cat", "Dog"]
EVENTS = "filename\tonset\toffset\tevent_label\n"
RATE = 1000
TABLES = {
    "strong": "metadata/train/synthetic20/soundscapes.tsv",
    "weak": "metadata/train/weak.tsv",
    "unlabelled": "metadata/train/unlabel_in_domain.tsv",
    "validation": "metadata/validation/validation.tsv",
    "evaluation": "metadata/eval/public.tsv",
}
FOLDERS = {
    "strong": "train/synthetic20/soundscapes",
    "weak": "train/weak",
    "unlabelled": "train/unlabel_in_domain",
    "validation": "validation",
    "evaluation": "eval/public",
}
TABLE_2 = {
    "unlabelled": 14412,
    "weak": 1578,
    "strong": 2584,
    "validation": 1168,
    "evaluation": 692,
}


@pytest.fixture(scope="session")
def recipe():
    path = RECIPE / "sound_event_detection" / "desed_prepare.py"
    spec = importlib.util.spec_from_file_location("desed_prepare", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A whole film, one of 2 s, one without pictures, and half a one."""
    import av

    folder = tmp_path_factory.mktemp("films")
    for name, seconds in (("whole", 10), ("short", 2), ("blind", 0)):
        with av.open(str(folder / f"{name}.mp4"), "w") as box:
            if seconds:
                video = box.add_stream("libx264", rate=2)
                video.width = video.height = 32
                video.pix_fmt = "yuv420p"
                for i in range(2 * seconds):
                    pixels = np.full((32, 32, 3), 9 * i, np.uint8)
                    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                    box.mux(video.encode(frame))
                box.mux(video.encode())
            else:
                sound = box.add_stream("aac", rate=16000)
                silence = np.zeros((1, 16000), np.int16)
                frame = av.AudioFrame.from_ndarray(silence, "s16", "mono")
                frame.sample_rate = 16000
                box.mux(sound.encode(frame))
                box.mux(sound.encode())
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(whole[: len(whole) // 2])
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


class Corpus:
    """A small corpus in the real layout, and its preparation."""

    def __init__(self, folder, recipe):
        self.data, self.out = folder / "data", folder / "out"
        self.recipe = recipe
        self.table("strong", EVENTS + "0.wav\t1.0\t3.5\tDog\n1.wav\t\t\t\n")
        self.table(
            "weak",
            "filename\tevent_labels\nYaaaaaaaaaaa_30.000_40.000.wav\tDog,Cat\n",
        )
        self.table("unlabelled", "filename\nYbbbbbbbbbbb_0.000_10.000.wav\n")
        self.table(
            "validation",
            EVENTS + "Yccccccccccc_0.000_10.000.wav\t8.0\t10.1\tDog\n"
            "Yddddddddddd_5.000_14.000.wav\t\t\t\n",
        )
        self.table(
            "evaluation",
            EVENTS + "eeeeeeeeeee_120_130.wav\t0.5\t1.0\tCat\n"
            "fffffffffff_0_11.wav\t2.0\t11.0\tDog\n",
        )
        for subset, name, seconds in (
            ("strong", "0.wav", 10),
            ("strong", "1.wav", 10),
            ("weak", "Yaaaaaaaaaaa_30.000_40.000.wav", 10),
            ("unlabelled", "Ybbbbbbbbbbb_0.000_10.000.wav", 10),
            ("validation", "Yccccccccccc_0.000_10.000.wav", 10),
            ("validation", "Yddddddddddd_5.000_14.000.wav", 8.7),
            ("evaluation", "eeeeeeeeeee_120_130.wav", 10),
            ("evaluation", "fffffffffff_0_11.wav", 11),
        ):
            self.sound(subset, name, seconds)

    def table(self, subset, text):
        path = self.data / TABLES[subset]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def sound(self, subset, name, seconds=10, rate=RATE, channels=1, level=0.1):
        path = self.data / "audio" / FOLDERS[subset] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.full((round(seconds * rate), channels), level)
        soundfile.write(path, samples, rate)
        return path

    def film(self, subset, name, content):
        path = self.data / "video" / FOLDERS[subset] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def prepare(self, **more):
        more = {"sample_rate": RATE, **more}
        return self.recipe.prepare_desed(
            str(self.data), str(self.out), LABELS, **more
        )

    def manifest(self, subset):
        return json.loads((self.out / f"manifests/{subset}.json").read_text())

    def files(self):
        return {
            str(p.relative_to(self.out)): (p.stat().st_mtime_ns, p.read_bytes())
            for p in self.out.rglob("*")
            if p.is_file()
        }


@pytest.fixture
def corpus(tmp_path, recipe):
    return Corpus(tmp_path, recipe)


def test_manifests_and_ground_truth(corpus, films, capsys):
    corpus.film(
        "evaluation", "Yeeeeeeeeeee_120.000_130.000.mkv", films["whole"]
    )
    before = sorted(corpus.data.rglob("*"))
    report = corpus.prepare()
    assert sorted(corpus.data.rglob("*")) == before
    assert set(corpus.files()) == {
        *(f"manifests/{s}.json" for s in TABLES),
        *(
            f"ground_truth/{s}{end}.tsv"
            for s in ("validation", "evaluation")
            for end in ("", "_durations")
        ),
        "missing_sound.tsv",
        "prepare_report.json",
        "prepare_report.md",
    }
    folder = corpus.data / "audio"
    assert corpus.manifest("strong")["strong/0"] == {
        "wav": str(folder / "train/synthetic20/soundscapes/0.wav"),
        "filename": "0.wav",
        "subset": "strong",
        "duration": 10.0,
        "events": [[1.0, 3.5, "Dog"]],
        "tags": ["Dog"],
        "video": "",
        "video_status": "not recorded",
    }
    assert corpus.manifest("strong")["strong/1"]["events"] == []
    weak = corpus.manifest("weak")["weak/Yaaaaaaaaaaa_30.000_40.000"]
    assert (weak["tags"], weak["events"]) == (["Cat", "Dog"], [])
    assert weak["video_status"] == "absent"
    (unlabelled,) = corpus.manifest("unlabelled").values()
    assert (unlabelled["tags"], unlabelled["events"]) == ([], [])
    evaluation = corpus.manifest("evaluation")
    filmed = evaluation["evaluation/eeeeeeeeeee_120_130"]
    assert filmed["video_status"] == "present"
    assert filmed["video"].endswith("Yeeeeeeeeeee_120.000_130.000.mkv")
    assert evaluation["evaluation/fffffffffff_0_11"]["duration"] == 11.0
    truth = (corpus.out / "ground_truth/validation.tsv").read_text()
    assert truth == (
        EVENTS + "Yccccccccccc_0.000_10.000.wav\t8.0\t10.0\tDog\n"
        "Yddddddddddd_5.000_14.000.wav\t\t\t\n"
    )
    lengths = corpus.out / "ground_truth/validation_durations.tsv"
    assert pd.read_csv(lengths, sep="\t")["duration"].tolist() == [10.0, 8.7]
    assert report["subsets"]["validation"]["annotations"]["beyond_clipped"] == 1
    assert report["subsets"]["validation"]["sound"]["shorter"] == 1
    assert report["subsets"]["evaluation"]["sound"]["longer"] == 1
    printed = capsys.readouterr().out
    assert (corpus.out / "prepare_report.md").read_text().endswith(printed)
    line = next(x for x in printed.splitlines() if "evaluation" in x)
    cells = [cell.strip() for cell in line.split("|")[2:-1]]
    assert cells == ["2", "2", "0", "1", "1", "1", "0", "0", "0"]


def test_speechbrain_reads_the_manifest(corpus):
    from speechbrain.dataio.dataset import DynamicItemDataset

    corpus.prepare()
    data = DynamicItemDataset.from_json(
        str(corpus.out / "manifests/validation.json"),
        output_keys=["id", "duration", "events"],
    )
    assert data[0] == {
        "id": "validation/Yccccccccccc_0.000_10.000",
        "duration": 10.0,
        "events": [[8.0, 10.0, "Dog"]],
    }


def test_a_second_run_does_nothing_until_something_changes(corpus, films):
    first = corpus.prepare()
    before = corpus.files()
    assert corpus.prepare() == first and corpus.files() == before
    assert corpus.prepare(skip_prep=True) == first

    def rewritten():
        nonlocal before
        earlier, before = before, corpus.files()
        return before["prepare_report.json"] != earlier["prepare_report.json"]

    corpus.film("weak", "Yaaaaaaaaaaa_30.000_40.000.mp4", films["whole"])
    corpus.prepare()
    assert rewritten()
    corpus.sound("weak", "Yaaaaaaaaaaa_30.000_40.000.wav", 9)
    assert corpus.prepare()["subsets"]["weak"]["sound"]["shorter"] == 1
    assert rewritten()
    corpus.table("strong", EVENTS + "0.wav\t1.0\t3.6\tDog\n1.wav\t\t\t\n")
    corpus.prepare()
    assert rewritten()
    corpus.prepare(clip_seconds=9.0)
    assert rewritten()
    (corpus.out / "manifests/weak.json").unlink()
    corpus.prepare(clip_seconds=9.0)
    assert (corpus.out / "manifests/weak.json").exists()


def test_reasons_for_no_film_are_counted(corpus, films):
    names = [f"Y{letter * 11}_0.000_10.000" for letter in "ghijk"]
    corpus.table("unlabelled", "filename\n" + ".wav\n".join([*names, ""]))
    for name in names:
        corpus.sound("unlabelled", f"{name}.wav")
    for name, kind in zip(
        names, ("whole", "short", "blind", "half"), strict=False
    ):
        corpus.film("unlabelled", f"{name}.mp4", films[kind])
    counts = corpus.prepare()["subsets"]["unlabelled"]
    assert (counts["with_film"], counts["without_film"]) == (1, 4)
    assert counts["film_reasons"] == {
        "absent": 1,
        "too short": 1,
        "unreadable": 2,
    }
    statuses = [
        c["video_status"] for c in corpus.manifest("unlabelled").values()
    ]
    assert statuses[1] == "too short: 2.00 of 10.00 s"
    assert [
        c["video"] != "" for c in corpus.manifest("unlabelled").values()
    ] == [
        True,
        False,
        False,
        False,
        False,
    ]
    counts = corpus.prepare(min_video_coverage=0.1)["subsets"]["unlabelled"]
    assert counts["with_film"] == 2


def test_a_film_that_cannot_be_used_gives_way_to_another(corpus, films):
    stem = "Yaaaaaaaaaaa_30.000_40.000"
    corpus.film("weak", f"{stem}.avi", films["half"])
    corpus.film("weak", f"{stem}.mp4", films["whole"])
    corpus.prepare()
    assert corpus.manifest("weak")[f"weak/{stem}"]["video"].endswith(".mp4")


def test_odd_sound_is_counted_and_kept(corpus):
    corpus.sound("strong", "0.wav", rate=2000, channels=2)
    corpus.sound("strong", "1.wav", level=0.0)
    counts = corpus.prepare()["subsets"]["strong"]
    assert counts["found"] == 2
    assert counts["sound"] == {
        "resampled": 1,
        "down_mixed": 1,
        "silent": 1,
        "shorter": 0,
        "longer": 0,
    }


def test_missing_sound_is_listed_and_tolerated_up_to_a_fraction(corpus):
    folder = corpus.data / "audio/train/synthetic20/soundscapes"
    (folder / "0.wav").write_bytes(b"no sound at all")
    with pytest.raises(PrepareError) as caught:
        corpus.prepare()
    text = str(caught.value)
    assert "strong: 1 of 2 (50.0%)" in text and "0.wav (unreadable" in text
    assert "max_missing_fraction: 0.5" in text and "missing_sound.tsv" in text
    # Nothing that looks like a finished preparation is left behind.
    assert set(corpus.files()) == {"missing_sound.tsv"}
    with pytest.raises(PrepareError, match="no finished preparation"):
        corpus.prepare(skip_prep=True)
    report = corpus.prepare(max_missing_fraction=0.5)
    counts = report["subsets"]["strong"]
    assert (counts["expected"], counts["found"]) == (2, 1)
    assert counts["missing_reasons"] == {"unreadable": 1}
    assert list(corpus.manifest("strong")) == ["strong/1"]
    listed = (corpus.out / "missing_sound.tsv").read_text().splitlines()
    assert listed[1].startswith("strong\t0.wav\tunreadable")


def test_ground_truth_holds_only_clips_that_can_be_heard(corpus):
    path = corpus.data / "audio/validation/Yccccccccccc_0.000_10.000.wav"
    path.write_bytes(b"")
    report = corpus.prepare(max_missing_fraction=0.5)
    counts = report["subsets"]["validation"]
    assert counts["annotations"]["without_sound"] == 1
    for name in ("validation", "validation_durations"):
        table = pd.read_csv(corpus.out / f"ground_truth/{name}.tsv", sep="\t")
        assert list(table["filename"]) == ["Yddddddddddd_5.000_14.000.wav"]


def test_clips_that_only_the_meta_table_or_the_folder_has(corpus):
    meta = corpus.data / "metadata/eval/public_meta.tsv"
    meta.write_text(
        "filename\tduration\nYeeeeeeeeeee_120.000_130.000.wav\t10.0\n"
        "zzzzzzzzzzz_0_10.wav\t10.0\n"
    )
    corpus.sound("evaluation", "zzzzzzzzzzz_0_10.wav")
    counts = corpus.prepare()["subsets"]["evaluation"]
    assert counts["expected"] == 2
    assert counts["ignored"] == {
        "sounds_not_in_table": 1,
        "clips_only_in_meta": 1,
    }


def test_sound_of_the_other_naming_style_is_found(corpus):
    folder = corpus.data / "audio/eval/public"
    (folder / "eeeeeeeeeee_120_130.wav").rename(
        folder / "Yeeeeeeeeeee_120.000_130.000.wav"
    )
    corpus.prepare()
    clip = corpus.manifest("evaluation")["evaluation/eeeeeeeeeee_120_130"]
    assert clip["filename"] == "eeeeeeeeeee_120_130.wav"
    assert clip["wav"].endswith("Yeeeeeeeeeee_120.000_130.000.wav")


def test_weak_clips_without_tags_and_repeated_rows(corpus):
    corpus.table(
        "weak",
        "filename\tevent_labels\nYaaaaaaaaaaa_30.000_40.000.wav\tDog\n"
        "Yaaaaaaaaaaa_30.000_40.000.wav\tCat\nYlllllllllll_0.000_10.000.wav\t\n"
        "\t\n",
    )
    corpus.sound("weak", "Ylllllllllll_0.000_10.000.wav")
    report = corpus.prepare()
    assert report["subsets"]["weak"]["annotations"] == {
        "empty_rows": 1,
        "repeated_clips": 1,
        "unknown_label": 0,
        "left_out_without_tags": 1,
    }
    (clip,) = corpus.manifest("weak").values()
    assert clip["tags"] == ["Cat", "Dog"]


def test_unknown_labels_stop_before_any_sound_is_read(corpus, monkeypatch):
    corpus.table("weak", "filename\tevent_labels\nYa.wav\tDog,Doq\n")
    from speechbrain_mmsed.dataio import probe

    with monkeypatch.context() as patch:
        patch.setattr(probe, "probe_sound", None)
        with pytest.raises(
            AnnotationError, match=r"(?s)weak\.tsv.*line 2.*Doq"
        ):
            corpus.prepare()
    assert not corpus.out.exists()


def test_two_names_of_one_clip_are_refused(corpus):
    corpus.table(
        "unlabelled",
        "filename\nYbbbbbbbbbbb_0.000_10.000.wav\nbbbbbbbbbbb_0_10.wav\n",
    )
    with pytest.raises(AnnotationError, match="line 3.*same clip"):
        corpus.prepare()


def test_counts_that_differ_and_clips_in_two_subsets_are_reported(corpus):
    name = "Yeeeeeeeeeee_120.000_130.000.wav"
    corpus.table("unlabelled", f"filename\n{name}\n")
    corpus.sound("unlabelled", name)
    report = corpus.prepare(expected_counts={"weak": 1, "strong": 2584})
    assert report["warnings"] == [
        "strong: the table lists 2 clips, expected_counts says 2584",
        "1 clips are in each of unlabelled and evaluation",
    ]
    assert "WARNING: strong" in (corpus.out / "prepare_report.md").read_text()
    with pytest.raises(PrepareError, match="'strang' is no subset"):
        corpus.prepare(expected_counts={"strang": 1})


@pytest.mark.parametrize("kind", ["absent", "empty", "no audio", "no sound"])
def test_a_wrong_folder_ends_in_one_message(corpus, tmp_path, kind):
    if kind == "absent":
        corpus.data = tmp_path / "nowhere"
    elif kind == "empty":
        corpus.data = tmp_path / "empty"
        corpus.data.mkdir()
    elif kind == "no audio":
        (corpus.data / "audio").rename(corpus.data / "sound")
    else:
        for path in (corpus.data / "audio/train/weak").iterdir():
            path.unlink()
    with pytest.raises(PrepareError) as caught:
        corpus.prepare()
    text = str(caught.value)
    assert str(corpus.data) in text and "Set data_folder" in text
    folder = corpus.data / "audio/train/weak"
    fault = "HOLDS NO SOUND FILES" if kind == "no sound" else "NOT FOUND"
    assert f"weak: sound {folder}: {fault}" in text
    assert not corpus.out.exists()


def test_places_can_be_set_one_by_one(corpus, films, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (corpus.data / "audio/train/weak").rename(elsewhere)
    table = (corpus.data / TABLES["weak"]).rename(corpus.data / "w.tsv")
    corpus.film("strong", "0.webm", films["whole"])
    report = corpus.prepare(
        subsets={
            "weak": {"audio": str(elsewhere), "tsv": "w.tsv"},
            "strong": {"video": "video/" + FOLDERS["strong"]},
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
            corpus.prepare(subsets=subsets)


def test_output_among_the_data_is_refused(corpus):
    corpus.out = corpus.data / "audio/train/weak/prepared"
    with pytest.raises(PrepareError, match="outside the corpus"):
        corpus.prepare()
    assert not corpus.out.exists()


def test_a_full_disk_leaves_no_finished_preparation(corpus, monkeypatch):
    from speechbrain_mmsed.dataio import atomic

    corpus.prepare()
    corpus.sound("strong", "0.wav", 9)
    replace = os.replace

    def full(source, target):
        if target.endswith("validation.json"):
            raise OSError(28, "No space left on device", target)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            corpus.prepare()
    assert "prepare_report.json" not in corpus.files()
    assert not any(".tmp" in name for name in corpus.files())
    corpus.prepare()


@pytest.mark.slow
def test_the_real_tables_with_links_to_one_sound(
    recipe, shared_folder, tmp_path
):
    corpus = Corpus(tmp_path, recipe)
    strong = EVENTS + "".join(f"{i}.wav\t0.0\t1.0\tDog\n" for i in range(2584))
    corpus.table("strong", strong)
    one = corpus.sound("strong", "one.wav", 10, rate=100)
    labels = set()
    for subset, table in TABLES.items():
        path = corpus.data / table
        if subset != "strong":
            real = shared_folder / "desed_metadata"
            path.write_bytes(
                (
                    real / pathlib.Path(table).relative_to("metadata")
                ).read_bytes()
            )
        frame = pd.read_csv(path, sep="\t")
        if "event_label" in frame:
            labels |= set(frame["event_label"].dropna())
        folder = corpus.data / "audio" / FOLDERS[subset]
        for name in frame["filename"].unique():
            link = folder / name
            link.unlink(missing_ok=True)
            os.link(one, link)
    meta = shared_folder / "desed_metadata/eval/public_meta.tsv"
    (corpus.data / "metadata/eval/public_meta.tsv").write_bytes(
        meta.read_bytes()
    )
    report = recipe.prepare_desed(
        str(corpus.data),
        str(corpus.out),
        sorted(labels),
        sample_rate=100,
        expected_counts=TABLE_2,
        annotation_tolerance=1.0,
    )
    for subset, number in TABLE_2.items():
        counts = report["subsets"][subset]
        assert (counts["expected"], counts["found"]) == (number, number)
        assert counts["in_manifest"] == number
    ignored = report["subsets"]["evaluation"]["ignored"]
    assert ignored["clips_only_in_meta"] == 7
    # One clip of the real corpus is both unlabelled and in the evaluation set.
    assert report["warnings"] == [
        "1 clips are in each of unlabelled and evaluation"
    ]
