"""Preparation of DESED: what is found, matched, counted and written."""

import os
import pathlib
import shutil
import textwrap

import pandas as pd
import pytest

from speechbrain_mmsed.dataio.corpus.preparation import PrepareError

TABLE_2 = {
    "unlabelled": 14412,
    "weak": 1578,
    "strong": 2584,
    "validation": 1168,
    "evaluation": 692,
}


def test_manifests_and_ground_truth(desed, films, capsys):
    desed.film("evaluation", "Yeeeeeeeeeee_120.000_130.000.mkv", films["whole"])
    before = sorted(desed.data.rglob("*"))
    report = desed.prepare()
    assert sorted(desed.data.rglob("*")) == before
    assert set(desed.files()) == {
        *(f"manifests/{s}.json" for s in desed.TABLES),
        *(
            f"ground_truth/{s}{end}.tsv"
            for s in ("validation", "evaluation")
            for end in ("", "_durations")
        ),
        "missing_sound.tsv",
        "prepare_report.json",
        "prepare_report.md",
        "prepared_files.json",
        "video_wanted.csv",
    }
    folder = desed.data / "audio"
    assert desed.manifest("strong")["strong/0"] == {
        "wav": str(folder / "train/synthetic20/soundscapes/0.wav"),
        "filename": "0.wav",
        "subset": "strong",
        "duration": 10.0,
        "events": [[1.0, 3.5, "Dog"]],
        "tags": ["Dog"],
        "video": "",
        "video_status": "not recorded",
        "video_start": 0.0,
    }
    assert desed.manifest("strong")["strong/1"]["events"] == []
    weak = desed.manifest("weak")["weak/Yaaaaaaaaaaa_30.000_40.000"]
    assert (weak["tags"], weak["events"]) == (["Cat", "Dog"], [])
    assert weak["video_status"] == "absent"
    (unlabelled,) = desed.manifest("unlabelled").values()
    assert (unlabelled["tags"], unlabelled["events"]) == ([], [])
    evaluation = desed.manifest("evaluation")
    filmed = evaluation["evaluation/eeeeeeeeeee_120_130"]
    assert filmed["video_status"] == "present"
    assert filmed["video"].endswith("Yeeeeeeeeeee_120.000_130.000.mkv")
    assert evaluation["evaluation/fffffffffff_0_11"]["duration"] == 11.0
    truth = (desed.out / "ground_truth/validation.tsv").read_text()
    assert truth == (
        desed.EVENTS + "Yccccccccccc_0.000_10.000.wav\t8.0\t10.0\tDog\n"
        "Yddddddddddd_5.000_14.000.wav\t\t\t\n"
    )
    lengths = desed.out / "ground_truth/validation_durations.tsv"
    assert pd.read_csv(lengths, sep="\t")["duration"].tolist() == [10.0, 8.7]
    assert report["subsets"]["validation"]["annotations"]["beyond_clipped"] == 1
    assert report["subsets"]["validation"]["sound"]["shorter"] == 1
    assert report["subsets"]["evaluation"]["sound"]["longer"] == 1
    printed = capsys.readouterr().out
    text = (desed.out / "prepare_report.md").read_text()
    assert textwrap.dedent(text.split("\n\n", 1)[1]) == printed
    line = next(x for x in printed.splitlines() if "evaluation" in x)
    cells = [cell.strip() for cell in line.split("|")[2:-1]]
    assert cells == ["2", "2", "0", "1", "1", "1", "0", "0", "0"]


def test_speechbrain_reads_the_manifest(desed):
    from speechbrain.dataio.dataset import DynamicItemDataset

    desed.prepare()
    data = DynamicItemDataset.from_json(
        str(desed.out / "manifests/validation.json"),
        output_keys=["id", "duration", "events"],
    )
    assert data[0] == {
        "id": "validation/Yccccccccccc_0.000_10.000",
        "duration": 10.0,
        "events": [[8.0, 10.0, "Dog"]],
    }


def test_a_second_run_does_nothing_until_something_changes(desed, films):
    first = desed.prepare()
    before = desed.files()
    assert desed.prepare() == first and desed.files() == before
    assert desed.prepare(skip_prep=True) == first

    def rewritten():
        nonlocal before
        earlier, before = before, desed.files()
        return before["prepare_report.json"] != earlier["prepare_report.json"]

    desed.film("weak", "Yaaaaaaaaaaa_30.000_40.000.mp4", films["whole"])
    desed.prepare()
    assert rewritten()
    desed.sound("weak", "Yaaaaaaaaaaa_30.000_40.000.wav", 9)
    assert desed.prepare()["subsets"]["weak"]["sound"]["shorter"] == 1
    assert rewritten()
    desed.table("strong", desed.EVENTS + "0.wav\t1.0\t3.6\tDog\n1.wav\t\t\t\n")
    desed.prepare()
    assert rewritten()
    desed.prepare(clip_seconds=9.0)
    assert rewritten()
    desed.prepare(clip_seconds=9.0, probe_film=None)
    assert rewritten()
    desed.prepare(clip_seconds=9.0)
    assert rewritten()
    (desed.out / "manifests/weak.json").unlink()
    desed.prepare(clip_seconds=9.0)
    assert (desed.out / "manifests/weak.json").exists()


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def swap(path):
    """Other content of the same length."""
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])


@pytest.mark.parametrize("harm", [cut, swap, pathlib.Path.unlink])
@pytest.mark.parametrize(
    "name",
    [
        "ground_truth/validation.tsv",
        "ground_truth/evaluation_durations.tsv",
        "manifests/strong.json",
        "prepare_report.json",
        "prepared_files.json",
    ],
)
def test_a_damaged_preparation_is_never_up_to_date(desed, name, harm, caplog):
    desed.prepare(probe_film=None)
    before = desed.files()
    harm(desed.out / name)
    with pytest.raises(PrepareError, match=name.split("/")[-1]):
        desed.prepare(probe_film=None, skip_prep=True)
    desed.prepare(probe_film=None)
    after = desed.files()
    assert {k: v[1] for k, v in before.items()} == {
        k: v[1] for k, v in after.items()
    }
    assert "prepared again" in caplog.text or name == "prepare_report.json"


def test_reasons_for_no_film_are_counted(desed, films):
    names = [f"Y{letter * 11}_0.000_10.000" for letter in "ghijk"]
    desed.table("unlabelled", "filename\n" + ".wav\n".join([*names, ""]))
    for name in names:
        desed.sound("unlabelled", f"{name}.wav")
    for name, kind in zip(
        names, ("whole", "short", "blind", "half"), strict=False
    ):
        desed.film("unlabelled", f"{name}.mp4", films[kind])
    counts = desed.prepare()["subsets"]["unlabelled"]
    assert (counts["with_film"], counts["without_film"]) == (1, 4)
    assert counts["film_reasons"] == {
        "absent": 1,
        "too short": 1,
        "unreadable": 2,
    }
    statuses = [
        c["video_status"] for c in desed.manifest("unlabelled").values()
    ]
    assert statuses[1] == "too short: 2.00 of 10.00 s"
    assert [
        c["video"] != "" for c in desed.manifest("unlabelled").values()
    ] == [
        True,
        False,
        False,
        False,
        False,
    ]
    counts = desed.prepare(min_video_coverage=0.1)["subsets"]["unlabelled"]
    assert counts["with_film"] == 2


def test_without_a_probe_films_that_exist_are_present(desed, films):
    stem = "Yaaaaaaaaaaa_30.000_40.000"
    desed.film("weak", f"{stem}.avi", films["half"])
    counts = desed.prepare(probe_film=None)["subsets"]
    assert counts["weak"]["with_film"] == 1
    assert counts["unlabelled"]["film_reasons"] == {"absent": 1}
    clip = desed.manifest("weak")[f"weak/{stem}"]
    assert clip["video"].endswith(".avi")
    assert clip["video_status"] == "present"
    before = desed.files()
    desed.prepare(probe_film=None)
    assert desed.files() == before
    assert desed.prepare()["subsets"]["weak"]["with_film"] == 0


def test_a_film_that_cannot_be_used_gives_way_to_another(desed, films):
    stem = "Yaaaaaaaaaaa_30.000_40.000"
    desed.film("weak", f"{stem}.avi", films["half"])
    desed.film("weak", f"{stem}.mp4", films["whole"])
    desed.prepare()
    assert desed.manifest("weak")[f"weak/{stem}"]["video"].endswith(".mp4")


def test_clips_that_only_the_meta_table_or_the_folder_has(desed):
    meta = desed.data / "metadata/eval/public_meta.tsv"
    meta.write_text(
        "filename\tduration\nYeeeeeeeeeee_120.000_130.000.wav\t10.0\n"
        "zzzzzzzzzzz_0_10.wav\t10.0\n"
    )
    desed.sound("evaluation", "zzzzzzzzzzz_0_10.wav")
    counts = desed.prepare()["subsets"]["evaluation"]
    assert counts["expected"] == 2
    assert counts["ignored"] == {
        "sounds_not_in_table": 1,
        "clips_only_in_meta": 1,
    }


def test_sound_of_the_other_naming_style_is_found(desed):
    folder = desed.data / "audio/eval/public"
    (folder / "eeeeeeeeeee_120_130.wav").rename(
        folder / "Yeeeeeeeeeee_120.000_130.000.wav"
    )
    desed.prepare()
    clip = desed.manifest("evaluation")["evaluation/eeeeeeeeeee_120_130"]
    assert clip["filename"] == "eeeeeeeeeee_120_130.wav"
    assert clip["wav"].endswith("Yeeeeeeeeeee_120.000_130.000.wav")


@pytest.mark.slow
def test_the_real_tables_with_links_to_one_sound(desed, shared_folder):
    strong = desed.EVENTS + "".join(
        f"{i}.wav\t0.0\t1.0\tDog\n" for i in range(2584)
    )
    desed.table("strong", strong)
    one = desed.sound("strong", "one.wav", 10, rate=1000)
    labels = set()
    for subset, table in desed.TABLES.items():
        path = desed.data / table
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
        folder = desed.data / "audio" / desed.FOLDERS[subset]
        for name in frame["filename"].unique():
            link = folder / name
            link.unlink(missing_ok=True)
            os.link(one, link)
    meta = shared_folder / "desed_metadata/eval/public_meta.tsv"
    (desed.data / "metadata/eval/public_meta.tsv").write_bytes(
        meta.read_bytes()
    )
    report = desed.recipe.prepare_desed(
        str(desed.data),
        str(desed.out),
        sorted(labels),
        sample_rate=1000,
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


def test_what_is_in_no_batch_may_be_absent(desed):
    sizes = {"strong": 2, "weak": 0, "unlabelled": 0}
    (desed.data / desed.TABLES["weak"]).unlink()
    report = desed.prepare(batch_sizes=sizes)
    assert list(report["subsets"]) == [
        *("strong", "unlabelled", "validation", "evaluation")
    ]
    assert desed.manifest("weak") == {} and desed.manifest("unlabelled")
    with pytest.raises(desed.recipe.PrepareError, match="weak: table.*NOT"):
        desed.prepare(batch_sizes={**sizes, "weak": 1})
    with pytest.raises(desed.recipe.PrepareError, match="weak: table.*NOT"):
        desed.prepare()


def test_validation_stands_for_an_evaluation_set(desed, capsys):
    (desed.data / desed.TABLES["evaluation"]).unlink()
    with pytest.raises(desed.recipe.PrepareError, match="evaluation: table"):
        desed.prepare()  # its sound is there
    shutil.rmtree(desed.data / "audio/eval")
    desed.prepare()
    assert "tuning and test are one" in capsys.readouterr().out
    wavs = [
        [row["wav"] for row in desed.manifest(subset).values()]
        for subset in ("validation", "evaluation")
    ]
    assert wavs[0] == wavs[1]
    with pytest.raises(desed.recipe.PrepareError, match="evaluation: table"):
        desed.prepare(subsets={"evaluation": {"tsv": "metadata/typo.tsv"}})
