"""DESED in every layout that the desed package and the baselines make."""

import json

import numpy as np
import pytest
import soundfile

from speechbrain_mmsed.dataio.corpus.preparation import PrepareError

# Clips of the real tables, and what they say of them.
TABLES = {
    "synthetic": "0.wav\t1.0\t3.5\tDog\n1.wav\t\t\t\n",
    "real": "Y-6p32k2WUCs_0.000_10.000.wav\t2.0\t4.0\tCat\n",
    "weak": "Y-Zjgm_sZd10_0.000_4.000.wav\tDog\n"
    "YKK227gPpRn4_30.000_40.000.wav\tCat,Dog\n",
    "unlabelled": "Y--CE2f-ttEQ_30.000_40.000.wav\n"
    "Y-0A1_JR5f34_16.000_26.000.wav\n",
    "validation": "Y00pbt6aJV8Y_350.000_360.000.wav\t0.000\t9.971\tDog\n"
    "Y00pK0GMmE9s_70.000_80.000.wav\t0.000\t10.000\tCat\n",
    "evaluation": "1Ro0FgMWTUE_120_130.wav\t0.000\t2.081\tDog\n",
}
TITLES = {"weak": "filename\tevent_labels\n", "unlabelled": "filename\n"}
EVENTS = "filename\tonset\toffset\tevent_label\n"
# Folder below audio/ -> which clips are there, and their table below metadata/
ALL = {
    "train/weak": ("weak", "train/weak.tsv"),
    "train/unlabel_in_domain": ("unlabelled", "train/unlabel_in_domain.tsv"),
    "eval/public": ("evaluation", "eval/public.tsv"),
}
VALIDATION = {
    "validation/validation": ("validation", "validation/validation.tsv")
}
FLAT = {"validation": ("validation", "validation/validation.tsv")}


def soundscapes(name, folder="/soundscapes", table="/soundscapes.tsv"):
    place = f"train/{name}{folder}"
    return {place: ("synthetic", f"train/{name}{table}")}


def at_16k(places):
    return {f"{place}_16k": what for place, what in places.items()}


STRONG_REAL = {"train/strong_label_real": ("real", "train/audioset_strong.tsv")}
SYNTHETIC_21 = soundscapes("synthetic21_train")
YEAR_2021 = {**SYNTHETIC_21, **ALL, **VALIDATION}
YEAR_2022 = {**YEAR_2021, **STRONG_REAL}
# Name -> root -> places
LAYOUTS = {
    "desed": {"": {**STRONG_REAL, **ALL, **VALIDATION}},
    "dcase2019": {
        "": {
            folder: (clips, table.replace(".tsv", ".csv"))
            for folder, (clips, table) in {
                **soundscapes("synthetic", "", ".tsv"),
                **ALL,
                **FLAT,
            }.items()
        }
    },
    "dcase2020": {"": {**soundscapes("synthetic20"), **ALL, **FLAT}},
    "dcase2020_train": {
        "dataset": {**soundscapes("synthetic20_train"), **ALL, **FLAT}
    },
    "another": {"": {**soundscapes("synthetic22_train"), **ALL, **FLAT}},
    "dcase2021": {"": YEAR_2021},
    "dcase2021_16k": {"dcase2021/dataset": at_16k(YEAR_2021)},
    "dcase2022": {"": YEAR_2022},
    "dcase2022_16k": {"dcase/dataset": at_16k(YEAR_2022)},
    "dcase2024": {
        "": at_16k({**STRONG_REAL, **ALL, **VALIDATION}),
        "dcase_synth": SYNTHETIC_21,
    },
    "public_apart": {
        "dcase/dataset": {
            place: what
            for place, what in YEAR_2021.items()
            if "eval" not in place
        },
        "DESED_public_eval/dataset": at_16k(
            {"eval/public": ("evaluation", "eval/public.tsv")}
        ),
    },
}


@pytest.fixture
def recipe(load_recipe):
    return load_recipe("sound_event_detection/desed_prepare.py")


class Places:
    """A folder into which parts of DESED are put."""

    def __init__(self, folder, recipe):
        self.data, self.out, self.recipe = folder / "d", folder / "out", recipe
        self.data.mkdir()

    def put(self, places, root=""):
        """Tables, and the sound of their clips."""
        for place, (clips, table) in places.items():
            path = self.data / root / "metadata" / table
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TITLES.get(clips, EVENTS) + TABLES[clips])
            self.sound(f"{root}/audio/{place}".lstrip("/"), clips)

    def sound(self, place, clips):
        """The sound alone."""
        folder = self.data / place
        folder.mkdir(parents=True, exist_ok=True)
        for row in TABLES[clips].splitlines():
            tone = np.full(10000, 0.1)
            soundfile.write(folder / row.split("\t")[0], tone, 1000)

    def prepare(self, **more):
        return self.recipe.prepare_desed(
            str(self.data),
            str(self.out),
            ["Cat", "Dog"],
            **{"sample_rate": 1000, **more},
        )

    def manifest(self, subset):
        return json.loads((self.out / f"manifests/{subset}.json").read_text())


@pytest.fixture
def places(tmp_path, load_recipe):
    recipe = load_recipe("sound_event_detection/desed_prepare.py")
    return Places(tmp_path, recipe)


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_there_is_found(places, name, capsys):
    for root, parts in LAYOUTS[name].items():
        places.put(parts, root)
    report = places.prepare()
    everything = [x for parts in LAYOUTS[name].values() for x in parts.items()]
    strong = {clips for _, (clips, _) in everything} & {"synthetic", "real"}
    found = {s: counts["found"] for s, counts in report["subsets"].items()}
    assert found == {
        "strong": sum(len(TABLES[x].splitlines()) for x in strong),
        **{"weak": 2, "unlabelled": 2, "validation": 2, "evaluation": 1},
    }
    (line,) = [
        text
        for text in capsys.readouterr().out.splitlines()
        if text.startswith("- found in ")
    ]
    assert "not used" not in line
    for root, parts in LAYOUTS[name].items():
        for place, (_, table) in parts.items():
            for path in (f"audio/{place}", f"metadata/{table}"):
                assert f" {root}{'/' * bool(root)}{path}" in line


def test_real_strong_clips_have_films_and_synthetic_ones_have_none(places):
    places.put(YEAR_2022)
    film = places.data / "video/train/strong_label_real/-6p32k2WUCs_0_10.mp4"
    film.parent.mkdir(parents=True)
    film.touch()
    report = places.prepare()
    assert report["subsets"]["strong"]["with_film"] == 1
    reasons = report["subsets"]["strong"]["film_reasons"]
    assert reasons == {"not recorded": 2}
    rows = places.manifest("strong")
    assert {clip: row["video"] for clip, row in rows.items()} == {
        "strong/0": "",
        "strong/1": "",
        "strong_2/Y-6p32k2WUCs_0.000_10.000": str(film),
    }
    assert {row["subset"] for row in rows.values()} == {"strong"}
    assert rows["strong_2/Y-6p32k2WUCs_0.000_10.000"]["tags"] == ["Cat"]
    wanted = (places.out / "video_wanted.csv").read_text().splitlines()
    assert not [row for row in wanted if row.endswith("strong")]


def test_of_two_places_the_first_is_taken_and_the_other_said(places, capsys):
    places.put(YEAR_2021)
    places.put(soundscapes("synthetic20"))
    places.sound("audio/train/weak_16k", "weak")
    places.sound("audio/validation", "validation")
    places.prepare()
    line = capsys.readouterr().out.splitlines()[-1]
    assert "strong audio/train/synthetic20/soundscapes, " in line
    other = "audio/train/synthetic21_train/soundscapes"
    for path in (other, "audio/train/weak_16k", "audio/validation"):
        assert f"(there, but not used: {path})" in line
    # A set without its table gives way.
    (places.data / "metadata/train/synthetic20/soundscapes.tsv").unlink()
    report = places.prepare()
    assert report["places"]["strong"]["audio"] == str(places.data / other)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "not used: audio/train/synthetic20/soundscapes)" in line
    # Such as DCASE's script makes from the folder of the synthetic clips.
    link = places.data / "audio/train/synthetic20_train"
    link.symlink_to(places.data / "audio/train/synthetic21_train")
    places.prepare(layout="dcase2021")
    line = capsys.readouterr().out.splitlines()[-1]
    assert f"strong {other}, " in line and "synthetic20" not in line
    named = {"audio": "audio/train/weak_16k"}
    report = places.prepare(subsets={"weak": named})
    assert report["places"]["weak"]["audio"].endswith("weak_16k")
    assert report["places"]["weak"]["tsv"].endswith("weak.tsv")


def test_a_layout_by_name_must_be_there(places):
    places.put(YEAR_2021)
    with pytest.raises(PrepareError) as caught:
        places.prepare(layout="dcase2022")
    text = str(caught.value)
    sound = places.data / "audio/train/strong_label_real"
    assert f"strong: sound {sound}: NOT FOUND" in text
    assert "\n" not in text and "subset_paths" in text
    with pytest.raises(PrepareError, match="dcase2025.*dcase2024"):
        places.prepare(layout="dcase2025")


def test_nothing_there_is_told_in_one_line_with_all_that_was_tried(places):
    places.put({**ALL, **VALIDATION})
    with pytest.raises(PrepareError) as caught:
        places.prepare()
    text = str(caught.value)
    for place in (
        *("synthetic20/soundscapes", "synthetic21_train/soundscapes"),
        *("strong_label_real", "audioset_strong"),
    ):
        assert f"train/{place}" in text
    assert "\n" not in text and "train/weak" not in text
    assert not places.out.exists()


def test_a_list_of_folders_and_tables(places):
    """Of clips of the same names, which keep their own ids."""
    places.put(YEAR_2022)
    places.put(soundscapes("synthetic20"))
    parts = [
        {
            "audio": f"audio/train/{name}/soundscapes",
            "tsv": f"metadata/train/{name}/soundscapes.tsv",
        }
        for name in ("synthetic20", "synthetic21_train")
    ]
    report = places.prepare(subsets={"strong": parts})
    assert report["subsets"]["strong"]["found"] == 4
    assert report["subsets"]["strong"]["annotations"]["empty_rows"] == 0
    ids = ["strong/0", "strong/1", "strong_2/0", "strong_2/1"]
    assert list(places.manifest("strong")) == ids
    wav = places.manifest("strong")["strong_2/0"]["wav"]
    assert "synthetic21_train" in wav
    # What is scored is told apart by its file names.
    twice = [{"tsv": "metadata/validation/validation.tsv"}] * 2
    with pytest.raises(PrepareError, match="validation: two of its tables"):
        places.prepare(subsets={"validation": twice})
    report = places.prepare(subsets={"validation": [twice[0], parts[0]]})
    assert report["subsets"]["validation"]["found"] == 4
    truth = (places.out / "ground_truth/validation.tsv").read_text()
    assert len(truth.splitlines()) == 5
    assert not report["warnings"]


def test_clips_in_two_parts_are_reported(places):
    places.put(YEAR_2022)
    again = {"audio": "audio/validation/validation"}
    again["tsv"] = "metadata/validation/validation.tsv"
    report = places.prepare(subsets={"strong": [again]})
    assert report["warnings"] == [
        "2 clips are in each of strong and validation"
    ]


@pytest.mark.parametrize("missing", [0, 1])
def test_expected_counts_are_of_what_is_there(places, missing):
    places.put(YEAR_2022)
    folder = places.data / "audio/validation/validation"
    for path in sorted(folder.iterdir())[:missing]:
        path.unlink()
    counts = {"validation": 2, "strong": 3}
    report = places.prepare(max_missing_fraction=0.5, expected_counts=counts)
    told = [
        "validation: 1 of 2 clips (expected_counts) were found, its table "
        "lists 2"
    ]
    assert report["warnings"] == told[:missing]
