"""What becomes of recordings and tables."""

import pandas as pd
import pytest
import ruamel.yaml

from speechbrain_mmsed.dataio.corpus.preparation_report import PrepareError
from speechbrain_mmsed.dataio.corpus.tables import AnnotationError

HEAD = "filename\tonset\toffset\tevent_label"


class OwnCorpus:
    """Recordings of 2 s with a table, and their preparation."""

    def __init__(self, folder, load, write_sound):
        self.folder, self.load, self.write = folder, load, write_sound
        self.sounds, self.out = folder / "sounds", folder / "out"

    def sound(self, name, seconds=2.0, **more):
        return self.write(self.sounds / name, seconds, **more)

    def table(self, *rows, head=HEAD, name="t.tsv"):
        path = self.folder / name
        path.write_text("\n".join([head, *map("\t".join, rows), ""]))
        return str(path)

    def strong(self, n=6):
        """A table of n recordings, each with one of two classes."""
        names = [f"{k}.wav" for k in range(n)]
        for name in names:
            self.sound(name)
        labels = ["Dog", "Cat"] * n
        rows = [
            [name, "0.5", "1.0", label]
            for name, label in zip(names, labels, strict=False)
        ]
        return self.table(*rows)

    def prepare(self, table, **more):
        path = self.load("train").__file__.replace("train.py", "hparams/")
        with open(f"{path}own_corpus.yaml") as file:
            settings = ruamel.yaml.YAML(typ="rt").load(file)
        settings |= {"data_folder": str(self.sounds), "table": table, **more}
        prepare = self.load("own_corpus_prepare").prepare_own_corpus
        return prepare(settings, str(self.out))

    def clips(self, subset):
        """The converted table of a subset."""
        path = self.out / f"own_corpus/{subset}.tsv"
        table = pd.read_csv(path, sep="\t")
        for name in table["filename"]:
            assert (path.with_suffix("") / name).is_file()
        return table


@pytest.fixture
def own(tmp_path, load_own, write_sound):
    return OwnCorpus(tmp_path, load_own, write_sound)


def counts(report):
    return {k: v["recordings"] for k, v in report["subsets"].items()}


def test_a_split_is_drawn_with_each_class_in_both_parts(own, capsys):
    table = own.strong(10)
    report = own.prepare(table)
    assert report["class_labels"] == ["Cat", "Dog"]
    assert (report["sample_rate"], report["clip_seconds"]) == (8000, 2.0)
    assert counts(report) == {"strong": 8, "validation": 2}
    train, test = own.clips("strong"), own.clips("validation")
    assert not set(train["filename"]) & set(test["filename"])
    assert set(test["event_label"]) == {"Dog", "Cat"}
    assert "tuning and test are one" in " ".join(report["notes"])
    assert "validation" in capsys.readouterr().out
    # The same again, without writing anything; then other seeds and tables.
    before = (own.out / "own_corpus/strong.tsv").stat().st_mtime_ns
    assert own.prepare(table) == report
    assert (own.out / "own_corpus/strong.tsv").stat().st_mtime_ns == before
    drawn = set()
    for seed in range(6):
        own.prepare(table, seed=seed)
        drawn.add(tuple(own.clips("validation")["filename"]))
    assert len(drawn) > 1
    own.sound("10.wav")
    assert counts(own.prepare(table))["unlabelled"] == 1


def test_groups_stay_together(own):
    own.strong(8)
    rows = [[f"{k}.wav", "0.5", "1.0", "Dog", "ABCD"[k // 2]] for k in range(8)]
    table = own.table(*rows, head=f"{HEAD}\tsite")
    own.prepare(table, columns={"group": "site"}, validation_fraction=0.5)
    numbers = sorted(int(n[0]) for n in own.clips("validation")["filename"])
    assert len(numbers) == 4
    assert all(
        number // 2 * 2 + k in numbers for number in numbers for k in (0, 1)
    )


def test_a_column_and_a_second_table_say_the_split(own):
    own.strong(6)
    rows = [
        [f"{k}.wav", "0.5", "1.0", "Dog", "train" if k else "val"]
        for k in range(4)
    ]
    table = own.table(*rows, head=f"{HEAD}\tsplit")
    second = own.table(["4.wav", "0", "1", "Dog"], name="eval.tsv")
    report = own.prepare(table, evaluation_table=second)
    assert counts(report) == {
        **{"strong": 3, "unlabelled": 1, "validation": 1, "evaluation": 1}
    }
    assert own.clips("validation")["filename"].tolist() == ["0.wav"]
    assert own.clips("evaluation")["filename"].tolist() == ["4.wav"]
    assert report["notes"] == []
    rows[1][-1] = "dev"
    with pytest.raises(AnnotationError, match="line 3: split is 'dev'"):
        own.prepare(own.table(*rows, head=f"{HEAD}\tsplit"))
    rows[1:3] = [[*rows[2][:-1], "val"], rows[2]]
    with pytest.raises(AnnotationError, match="split of 2.wav is train here"):
        own.prepare(own.table(*rows, head=f"{HEAD}\tsplit"))


def test_long_recordings_are_cut_with_their_events(own):
    own.strong(4)
    own.sound("sub/long.flac", 5.0, rate=16000, channels=2)
    more = own.table(
        ["sub/long.flac", "1.5", "2.5", "Dog"],
        ["sub/long.flac", "4.0", "5.2", "Cat"],
        name="more.tsv",
    )
    table = str(own.folder / "t.tsv")
    report = own.prepare([table, more], clip_seconds=2.0)
    both = pd.concat([own.clips("strong"), own.clips("validation")])
    cut = both[both["filename"].str.startswith("sub__long")]
    edges = (0.0, 2.0, 4.0, 5.0)
    names = [
        f"sub__long_{a:.3f}_{b:.3f}.flac"
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    assert cut["filename"].tolist() == names
    # 1.5 to 2.5 s lies in two windows; 4.0 to 5.2 s ends with the recording.
    assert cut["onset"].round(6).tolist() == [1.5, 0.0, 0.0]
    assert cut["offset"].round(6).tolist() == [2.0, 0.5, 1.0]
    assert report["subsets"]["strong"]["clips"] >= 3


def test_clip_labels_alone_and_beside_events(own):
    own.strong(4)
    head = "filename\tevent_labels"
    weak = own.table(
        *([f"w{k}.wav", "Dog,Cat"] for k in range(5)), head=head, name="w.tsv"
    )
    for k in range(5):
        own.sound(f"w{k}.wav")
    report = own.prepare([str(own.folder / "t.tsv"), weak])
    # Those with times are asked for validation.
    assert counts(report) == {"strong": 3, "weak": 5, "validation": 1}
    assert set(own.clips("weak")["event_labels"]) == {"Cat,Dog"}
    report = own.prepare(weak, unlisted="ignore")
    assert counts(report) == {"weak": 4, "validation": 1}
    assert own.clips("validation").values.tolist()[0][1:] == [0.0, 2.0, "Cat"]
    assert any("only CBF1" in note for note in report["notes"])


def test_recordings_in_no_table(own):
    table = own.strong(4)
    own.sound("extra.wav")
    assert counts(own.prepare(table))["unlabelled"] == 1
    assert "unlabelled" not in counts(own.prepare(table, unlisted="ignore"))
    report = own.prepare(table, unlisted="no_events")
    assert sum(counts(report).values()) == 5 and len(report["subsets"]) == 2
    with pytest.raises(PrepareError, match="unlisted is 'x', expected"):
        own.prepare(table, unlisted="x")


def test_names_are_found_without_folder_and_ending(own):
    for folder in "ab":
        own.sound(f"{folder}/same.wav")
    own.sound("b/other.flac")
    rows = [["a/same", "0", "1", "Dog"], [r"C:\x\b\other.wav", "0", "1", "Dog"]]
    own.prepare(own.table(*rows))
    found = [
        *own.clips("strong")["filename"],
        *own.clips("validation")["filename"],
    ]
    assert sorted(found) == ["a__same.wav", "b__other.flac"]
    with pytest.raises(AnnotationError, match="a/same.wav or b/same.wav"):
        own.prepare(own.table(["same.wav", "0", "1", "Dog"]))


def test_labels_can_be_given(own):
    table = own.strong(6)
    with pytest.raises(AnnotationError, match=r"line 3: label 'Cat'.*3 rows"):
        own.prepare(table, class_labels=["Dog", "Fox"])
    report = own.prepare(
        table, class_labels=["Dog", "Fox"], unknown_labels="drop"
    )
    assert report["class_labels"] == ["Dog", "Fox"]
    assert report["notes"][0] == (
        "3 rows have labels that class_labels lacks: left out"
    )
    assert "no recording for training has Fox" in report["notes"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [["0.wav", "500", "900", "Dog"]],
            "1 of 1 events begin after.*seconds",
        ),
        ([["x.wav", "0", "1", "Dog"]], r"x.wav.*max_missing_fraction"),
        ([["bad.wav", "0", "1", "Dog"]], r"bad.wav \(unreadable"),
        ([["0.wav", "", "", ""]], "no row has a label"),
        ([["0.wav", "0", "1", "Dog"]], "at least 2 recordings"),
    ],
)
def test_what_cannot_be_is_told(own, rows, message):
    own.sound("0.wav")
    (own.sounds / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises((PrepareError, AnnotationError), match=message):
        own.prepare(own.table(*rows), unlisted="ignore")
    assert not (own.out / "own_corpus").exists()


def test_some_recordings_may_be_missing(own):
    table = own.strong(4)
    (own.sounds / "0.wav").unlink()
    report = own.prepare(table, max_missing_fraction=0.3)
    assert report["notes"][0] == "1 of 4 recordings cannot be used: 0.wav"


def test_names_that_differ_in_case_are_files_of_their_own(own):
    names = ["a.wav", "A.wav", "sub/B.wav", "sub/b.wav", "c.wav", "d.wav"]
    for name in names:
        own.sound(name)
    own.prepare(own.table(*([n, "0.5", "1.0", "Dog"] for n in names)))
    clips = [c for s in ("strong", "validation") for c in own.clips(s).filename]
    assert len({c.casefold() for c in clips}) == len(names)
