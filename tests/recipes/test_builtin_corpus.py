"""The built-in corpus: layout, determinism, the pair, reuse."""

import csv
import pathlib
import re
import wave

import pytest
from synthetic_clips import PlannedClip

COUNTS = {
    "strong": 6,
    "weak": 8,
    "unlabelled": 6,
    "validation": 20,
    "evaluation": 13,
}


@pytest.fixture(scope="module")
def builtin_corpus(load_recipe):
    return load_recipe("builtin_corpus.py")


@pytest.fixture(scope="module")
def corpus(builtin_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("builtin") / "corpus"
    summary = builtin_corpus.make_builtin_corpus(
        folder, COUNTS, seed=3, progress=False
    )
    assert summary == {"reused": False, "clips": 53, "films": 40}
    return folder


def read_table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_layout_names_and_missing_films(builtin_corpus, corpus):
    patterns = {
        "strong": r"\d+\.wav",
        "evaluation": r"[\w-]{11}_\d+_\d+\.wav",
    }
    for subset, (folder, table) in builtin_corpus.SUBSETS.items():
        heard = {p.name for p in (corpus / "audio" / folder).iterdir()}
        films = {p.stem for p in (corpus / "video" / folder).iterdir()}
        rows = read_table(corpus / "metadata" / table)
        assert {row["filename"] for row in rows} == heard
        assert len(heard) == COUNTS[subset]
        recorded = r"Y[\w-]{11}_\d+\.000_\d+\.000\.wav"
        pattern = patterns.get(subset, recorded)
        assert all(re.fullmatch(pattern, name) for name in heard)
        assert films <= {name.removesuffix(".wav") for name in heard}
        missing = len(heard) - len(films)
        expected = 0.155 * len(heard) if subset != "strong" else len(heard)
        assert missing == round(expected)


def test_annotations_lie_within_the_sound(corpus):
    rows = read_table(corpus / "metadata/validation/validation.tsv")
    assert list(rows[0]) == ["filename", "onset", "offset", "event_label"]
    short = set()
    for row in rows:
        path = corpus / "audio/validation" / row["filename"]
        with wave.open(str(path)) as file:
            assert file.getframerate() == 16000
            assert file.getnchannels() == 1
            seconds = file.getnframes() / 16000
        assert 5 <= seconds <= 10
        short |= {row["filename"]} if seconds < 10 else set()
        if row["event_label"]:
            assert 0 <= float(row["onset"]) < float(row["offset"]) <= seconds
    assert len(short) == 2
    assert sum(not row["onset"] for row in rows) == 1


def test_weak_clips_have_tags(builtin_corpus, corpus):
    rows = read_table(corpus / "metadata/train/weak.tsv")
    for row in rows:
        tags = row["event_labels"].split(",")
        assert tags == sorted(set(tags))
        assert set(tags) <= set(builtin_corpus.CLASS_LABELS)
    unlabelled = read_table(corpus / "metadata/train/unlabel_in_domain.tsv")
    assert list(unlabelled[0]) == ["filename"]


def test_default_corpus_has_every_class_several_times(builtin_corpus):
    settings = {
        "counts": builtin_corpus.DEFAULT_COUNTS,
        "seed": 1,
        "class_labels": list(builtin_corpus.CLASS_LABELS),
        "same_sound": list(builtin_corpus.SAME_SOUND),
        "missing_video": 0.155,
        "short": 0.1,
        "without_events": 0.05,
    }
    for subset in ("validation", "evaluation"):
        plan = builtin_corpus._plan_subset(subset, settings).values()
        for label in builtin_corpus.CLASS_LABELS:
            clips = [c for c in plan if label in {e[2] for e in c.events}]
            assert len(clips) >= 7
            assert sum(c.film for c in clips) >= 4


def files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_same_seed_same_bytes_whatever_the_threads(builtin_corpus, tmp_path):
    counts = {"weak": 3, "strong": 2, "evaluation": 3}
    for name, seed, threads in (("a", 1, 1), ("b", 1, 3), ("c", 2, 2)):
        builtin_corpus.make_builtin_corpus(
            tmp_path / name, counts, seed, n_threads=threads, progress=False
        )
    first, again, other = (files(tmp_path / name) for name in "abc")
    assert first == again
    table = pathlib.Path("metadata/train/weak.tsv")
    assert first[table] != other[table]


def test_only_the_film_tells_the_pair_apart(builtin_corpus, tmp_path):
    """A clip whose coin fell otherwise: same sound bytes, another film."""
    module, made = builtin_corpus, {}
    kinds = module.kinds_of_labels(module.CLASS_LABELS, module.SAME_SOUND)
    for label in (*module.SAME_SOUND, "Dog"):
        events = [(1.0, 3.0, "Cat"), (2.0, 4.5, label)]
        plans = {"weak": {"Y": PlannedClip(6.0, events, True)}}
        settings = {"seed": 1, "film_sound": False}
        module._write_corpus(tmp_path / label, plans, settings, kinds, 1, False)
        made[label] = files(tmp_path / label)
    sound = pathlib.Path("audio/train/weak/Y.wav")
    film = pathlib.Path("video/train/weak/Y.mp4")
    first, second = module.SAME_SOUND
    assert made[first][sound] == made[second][sound] != made["Dog"][sound]
    assert made[first][film] != made[second][film]


def test_reuse_and_refusal(builtin_corpus, corpus, tmp_path):
    make = builtin_corpus.make_builtin_corpus
    assert make(corpus, COUNTS, seed=3, progress=False)["reused"]
    with pytest.raises(FileExistsError, match="seed 3 instead of 4"):
        make(corpus, COUNTS, seed=4, progress=False)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="holds something else"):
        make(tmp_path, COUNTS, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_failure_leaves_nothing(builtin_corpus, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr("synthetic_clips.write_film", fail)
    with pytest.raises(OSError, match="No space"):
        builtin_corpus.make_builtin_corpus(
            tmp_path / "corpus", {"weak": 3}, progress=False
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options, message",
    [
        ({"counts": {"test": 3}}, "Unknown subsets"),
        ({"class_labels": [str(n) for n in range(11)]}, "at most 10"),
        ({"same_sound": ("Cat", "Lion")}, "two of the class labels"),
    ],
)
def test_wrong_settings(builtin_corpus, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        builtin_corpus.make_builtin_corpus(tmp_path / "x", **options)
