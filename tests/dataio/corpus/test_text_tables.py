"""Tables as Excel, R, pandas and people write them."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.corpus.tables import (
    read_clips,
    read_event_table,
    read_tag_table,
)
from speechbrain_mmsed.dataio.corpus.text_tables import (
    AnnotationError,
    read_text_table,
)

LONG = "Male speech, man speaking"
AUDIOSET = [LONG, "Domestic animals, pets", "Speech", "Dog", "pets"]


@pytest.fixture
def write(tmp_path):
    """Writes a table; returns its path."""

    def to_file(text, encoding="utf-8"):
        path = tmp_path / "table.tsv"
        content = text if isinstance(text, bytes) else text.encode(encoding)
        path.write_bytes(content)
        return path

    return to_file


cells = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1
)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=5),
    st.sampled_from("\t;,"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)
def test_any_way_of_writing_reads_the_same(
    tmp_path_factory, rows, separator, quoting, end, encoding, last
):
    text = io.StringIO()
    writer = csv.writer(text, "excel", delimiter=separator, quoting=quoting)
    writer.writerows([["filename", "event_labels"], *rows])
    text = text.getvalue().replace("\r\n", end)
    path = tmp_path_factory.mktemp("tables") / "table.tsv"
    path.write_bytes((text if last else text[: -len(end)]).encode(encoding))
    table = read_text_table(path, ["event_labels", "filename"])
    assert table.values.tolist() == [[tags, name] for name, tags in rows]
    assert list(table.index) == [2 + n for n in range(len(rows))]


@pytest.mark.parametrize(
    "text",
    [
        "Filename\tOnset\tOffset\tEvent_Label\na.wav\t0.5\t1.5\tDog\n",
        "filename\tonset\toffset\tevent_labels\na.wav\t0.5\t1.5\tDog\n",
        "filename\tonset\toffset\tevent label\na.wav\t0.5\t1.5\tDog\n",
        " filename ; onset;offset;event_label\n a.wav ;0,5;1,5; Dog\n",
        'filename,onset,offset,event_label\n"a.wav","0,5","1,5","Dog"\n',
        "\n\nfilename\tonset\toffset\tevent_label\na.wav\t0.5\t1.5\tDog\t\t\n",
        "\tfilename\tonset\toffset\tevent_label\n0\ta.wav\t0.5\t1.5\tDog\n",
    ],
)
def test_titles_numbers_and_spaces(write, text):
    table = read_event_table(write(text))
    assert table.values.tolist() == [["a.wav", 0.5, 1.5, "Dog"]]


@pytest.mark.parametrize("nothing", ["", "nan", "NaN", "NA", "None", "<NA>"])
def test_what_programs_write_for_nothing(write, nothing):
    row = "\t".join(["a.wav", *[nothing] * 3])
    table = read_event_table(
        write(f"filename\tonset\toffset\tevent_label\n{row}\n")
    )
    assert table.iloc[0, 1:].isna().all()
    tags = read_tag_table(write(f"filename\tevent_labels\na.wav\t{nothing}\n"))
    assert tags["event_labels"].tolist() == [[]]


def test_a_class_may_be_called_so(write):
    path = write("filename\tonset\toffset\tevent_label\na.wav\t0\t1\tNA\n")
    assert read_event_table(path)["event_label"].tolist() == ["NA"]
    path = write("filename\tevent_labels\na.wav\tnone\n")
    tags = read_tag_table(path, labels=["none"])
    assert tags["event_labels"].tolist() == [["none"]]


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        (f"{LONG},Domestic animals, pets", AUDIOSET[:2]),
        (f"{LONG}, Dog,pets", [LONG, "Dog", "pets"]),
        ("Male speech,man speaking", [LONG]),  # a space less
        ('"Domestic animals, pets","Speech"', [AUDIOSET[1], "Speech"]),
        ("Dog;Speech", ["Dog", "Speech"]),
        ("Dog | Speech ;", ["Dog", "Speech"]),
        ("Domestic animals,Dog", ["Domestic animals", "Dog"]),
    ],
)
def test_labels_that_hold_a_separator(write, cell, labels):
    path = write(f"filename\tevent_labels\na.wav\t{cell}\n")
    found = read_tag_table(path, labels=AUDIOSET)["event_labels"]
    assert found.tolist() == [labels]


def test_half_a_label_is_unknown(write):
    path = write("filename\tevent_labels\na.wav\tMale speech,Dog\n")
    with pytest.raises(AnnotationError, match="line 2: 'Male speech'"):
        read_clips(path, "tags", AUDIOSET)


def test_tables_of_r_and_excel(write):
    quoted = '"filename"\t"event_labels"\n"a.wav"\t"Dog,Cat"\n'
    excel = "filename\tevent_labels\r\na.wav\tDog,Cat\r\n"
    for path in (quoted, excel.encode("utf-16")):
        table = read_clips(write(path), "tags", ["Cat", "Dog"])
        assert table["event_labels"].tolist() == [["Dog", "Cat"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Straße.wav\tDog\n".encode("latin1"), "can't decode.*as UTF-8"),
        ("a.wav\tDog\n", "columns .'a.wav', 'Dog'. in the first line"),
        ("filename,event_labels\na.wav,Dog,Cat\n", "line 2: 3 cells.*quotes"),
        ("filename event_labels\na.wav Dog\n", "separated by tabs"),
        ("filename\tevent_labels\tEvent_label\n", None),
        ("filename\tEvent_Label\tEvent_labels\n", "each once"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(write, text, message):
    path = write(text)
    if message is None:  # of two columns the one of the very title
        assert read_tag_table(path).empty
        return
    with pytest.raises(AnnotationError, match=message) as caught:
        read_tag_table(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("times", ["0:01.5", "1.234,5", "1s", "inf"])
def test_times_that_are_no_seconds(write, times):
    path = write(
        f"filename\tonset\toffset\tevent_label\na.wav\t0\t{times}\tDog\n"
    )
    with pytest.raises(AnnotationError, match="line 2: offset is .*seconds"):
        read_event_table(path)


def test_pandas_reads_the_same(write):
    rows = [["a b.wav", 'Dog "big"'], ["c;d.wav", "Cat"], ['"e', "Dog,Cat"]]
    columns = ["filename", "event_labels"]
    frame = pd.DataFrame(rows, columns=columns)
    path = write("")
    frame.to_csv(path, sep="\t", index=False)
    assert read_text_table(path, columns).values.tolist() == rows
