"""Tables of every program, against what they plainly say."""

import json
import math

import pytest

from speechbrain_mmsed.dataio.corpus.tables import AnnotationError

EVENTS = [("a.wav", 1.5, 2.25, "Dog"), ("a.wav", 3.0, 4.0, "Cat, wild")]


def rows(load_own, path, **columns):
    """(filename, onset, offset, label) of the rows, NaN as None."""
    table = load_own("corpus_tables").read_tables([path], columns)
    table = table[["filename", "onset", "offset", "event_label"]]
    return [
        (name, *(None if math.isnan(t) else t for t in times), label)
        for name, *times, label in table.itertuples(index=False, name=None)
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "t.tsv",
            "filename\tonset\toffset\tevent_label\n"
            "a.wav\t1.5\t2.25\tDog\na.wav\t3.0\t4.0\tCat, wild\n",
        ),
        (
            "t.csv",
            '"File","Start (s)","End (s)","Common name"\r\n'
            '"a.wav",1.5,2.25,"Dog"\r\n\r\n"a.wav",3,4,"Cat, wild"\r\n',
        ),
        (  # a spreadsheet in a country of decimal commas
            "t.csv",
            "filename;onset;offset;label;note\n"
            "a.wav;1,5;2,25;Dog;loud\na.wav;3;4;Cat, wild\n",
        ),
    ],
)
def test_one_table_of_events(load_own, tmp_path, name, text):
    path = tmp_path / name
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_text(text, encoding=encoding)
        assert rows(load_own, path) == EVENTS


def test_names_of_columns_can_be_told(load_own, tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("Sound\tvon\tbis\tTier\na.wav\t1.5\t2.25\tDog\n")
    names = {"filename": "Sound", "onset": "von", "offset": "bis"}
    assert rows(load_own, path, event_label="Tier", **names) == EVENTS[:1]
    with pytest.raises(AnnotationError, match="no column 'Art'.*'Tier'"):
        rows(load_own, path, event_label="Art", **names)
    with pytest.raises(AnnotationError, match="columns.*'von'.*--columns"):
        rows(load_own, path)
    with pytest.raises(AnnotationError, match="'labels'. are not known"):
        rows(load_own, path, labels="Tier")


def test_labels_of_clips(load_own, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('filename,event_labels\na.wav,"Dog, Cat"\nb.wav,\n')
    none = (None, None)
    found = [("a.wav", *none, "Dog"), ("a.wav", *none, "Cat")]
    assert rows(load_own, path) == [*found, ("b.wav", *none, "")]
    # One label a row, as ESC-50 has it.
    path.write_text("filename,fold,target,category\na.wav,1,0,dog\n")
    assert rows(load_own, path) == [("a.wav", *none, "dog")]


def test_audioset(load_own, tmp_path, shared_folder):
    path = shared_folder / "cases/tables/audioset_segments.csv"
    none = (None, None)
    assert rows(load_own, path) == [
        ("Yabcdefghij0_30.000_40.000.wav", *none, "/m/09x0r"),
        ("Yabcdefghij0_30.000_40.000.wav", *none, "/m/05zppz"),
        ("Y-bcdefghij1_0.000_10.000.wav", *none, "/m/0bt9lr"),
    ]


def test_one_file_for_each_recording(load_own, tmp_path):
    audacity = tmp_path / "labels/a.txt"
    audacity.parent.mkdir()
    audacity.write_text(
        "1.500000\t2.250000\tDog\n\\\t100.0\t200.0\n3.0\t4.0\tCat, wild\n"
    )
    (tmp_path / "labels/silent.txt").write_text("")
    raven = tmp_path / "labels/b.Table.1.selections.txt"
    head = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tSpecies\n"
    raven.write_text(
        f"{head}1\tWaveform 1\t1\t1.5\t2.25\tDog\n"
        "1\tSpectrogram 1\t1\t1.5\t2.25\tDog\n"
    )
    jams = tmp_path / "labels/c.jams"
    dog = {"time": 1.5, "duration": 0.75, "confidence": 1.0}
    events = [
        {**dog, "value": {"label": "Dog", "role": "foreground"}},
        {**dog, "value": {"label": "Park", "role": "background"}},
    ]
    beats = {"namespace": "beat", "data": [{**dog, "value": 1}]}
    scaper = {"namespace": "scaper", "data": events}
    tags = {"namespace": "tag_open", "data": [{**dog, "value": "Bark"}]}
    content = {"annotations": [beats, scaper, tags]}
    jams.write_text(json.dumps(content))
    assert rows(load_own, tmp_path / "labels") == [
        ("a", 1.5, 2.25, "Dog"),
        ("a", 3.0, 4.0, "Cat, wild"),
        ("b", 1.5, 2.25, "Dog"),
        ("c", 1.5, 2.25, "Dog"),
        ("c", 1.5, 2.25, "Bark"),
        ("silent", None, None, ""),
    ]


def test_raven_counts_from_the_first_of_many_files(load_own, tmp_path):
    path = tmp_path / "all.txt"
    path.write_text(
        "Begin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tLabel\n"
        "601.5\t602.25\ta.wav\t1.5\tDog\n"
    )
    assert rows(load_own, path) == EVENTS[:1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename\tonset\toffset\tlabel\na\t1\tx\tDog", "line 2: 'x' is no"),
        ("filename\tonset\toffset\tlabel\na\t1\t\tDog", "needs onset and of"),
        ("filename\tonset\toffset\tlabel\n\t1\t2\tDog", "line 2: no filename"),
        ("filename\tonset\toffset\tlabel\na\t1\t2\t", "line 2: an event wi"),
        ("filename\tlabel\na\tDog\tCat", "line 2: 3 cells, expected 2"),
        ("just some text", "columns .'just some text'., expected"),
    ],
)
def test_what_is_no_table_is_named(load_own, tmp_path, text, message):
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=message):
        rows(load_own, path)


def test_what_is_not_there_is_named(load_own, tmp_path):
    with pytest.raises(AnnotationError, match="there is no such file"):
        rows(load_own, tmp_path / "t.tsv")
    with pytest.raises(AnnotationError, match="holds no tables"):
        rows(load_own, tmp_path)
    (tmp_path / "t.tsv").write_bytes("filename\tlabel\na\tHündin".encode("l1"))
    with pytest.raises(AnnotationError, match="Save tables as UTF-8"):
        rows(load_own, tmp_path / "t.tsv")
