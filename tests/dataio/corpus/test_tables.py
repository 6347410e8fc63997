"""Reading tables strictly, with line numbers."""

import pandas as pd
import pytest

from speechbrain_mmsed.dataio.corpus.tables import (
    AnnotationError,
    read_event_table,
    read_tag_table,
    write_table,
)

HEADER = "filename\tonset\toffset\tevent_label\n"


def write(tmp_path, text):
    path = tmp_path / "table.tsv"
    path.write_bytes(text.encode())
    return path


def test_events_with_line_numbers_and_empty_rows(tmp_path):
    path = write(
        tmp_path,
        HEADER
        + "a.wav\t0.5\t1\tDog\n\n\t\t\t\nb.wav\t\t\t\nc.wav\t1\t2\tCat\n",
    )
    table = read_event_table(path)
    assert list(table.index) == [2, 5, 6]
    assert table.attrs == {"path": str(path), "empty_rows": 2}
    assert table.loc[2].tolist() == ["a.wav", 0.5, 1.0, "Dog"]
    assert table.loc[5].isna().tolist() == [False, True, True, True]


def test_windows_line_ends_byte_order_mark_and_order_of_columns(tmp_path):
    path = write(
        tmp_path,
        "\ufeffevent_label\tfilename\tmore\tonset\toffset\r\n"
        "Dog\ta.wav\tx\t0\t1\r\n",
    )
    assert read_event_table(path).values.tolist() == [
        ["a.wav", 0.0, 1.0, "Dog"]
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("filename\tonset\toffset\n", ["event_label", "expected"]),
        ("filename,onset,offset\n", ["event_label", "separated by commas"]),
        ("", ["expected", "filename"]),
        (HEADER + "a.wav\t1\t2\tDog\tmore\n", ["line 2", "5 cells"]),
        (HEADER + "a.wav\t1\t2\tDog\na.wav\tx\t2\tDog\n", ["line 3", "'x'"]),
        (HEADER + "a.wav\t1\tnan\tDog\n", ["line 2", "offset", "'nan'"]),
        (HEADER + "\t1\t2\tDog\n", ["line 2", "no filename"]),
    ],
)
def test_what_is_no_table_of_events_is_refused(tmp_path, text, parts):
    path = write(tmp_path, text)
    with pytest.raises(AnnotationError) as caught:
        read_event_table(path)
    for part in [str(path), *parts]:
        assert part in str(caught.value)


def test_absent_and_binary_files_are_named(tmp_path):
    with pytest.raises(AnnotationError, match="no such file"):
        read_event_table(tmp_path / "absent.tsv")
    path = tmp_path / "binary.tsv"
    for content in (b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n", b"f\0i\0l\0"):
        path.write_bytes(content)
        with pytest.raises(AnnotationError, match="cannot be read.*as UTF-8"):
            read_tag_table(path)


def test_tags(tmp_path):
    path = write(tmp_path, "filename\tevent_labels\na.wav\tDog, Cat\nb.wav\t\n")
    assert read_tag_table(path)["event_labels"].tolist() == [["Dog", "Cat"], []]
    names = read_tag_table(path, with_tags=False)
    assert names["filename"].tolist() == ["a.wav", "b.wav"]


def test_a_name_that_begins_with_a_quote_or_dash_is_a_name(tmp_path):
    path = write(tmp_path, 'filename\n"a.wav\n-b.wav\n')
    names = read_tag_table(path, with_tags=False)["filename"]
    assert names.tolist() == ['"a.wav', "-b.wav"]


def test_written_tables_are_read_again(tmp_path):
    rows = [["a.wav", 0.25, 1.0, "Dog"], ["b.wav", None, None, None]]
    columns = ["filename", "onset", "offset", "event_label"]
    write_table(pd.DataFrame(rows, columns=columns), tmp_path / "x" / "t.tsv")
    table = read_event_table(tmp_path / "x" / "t.tsv")
    assert table.values[0].tolist() == rows[0]
    assert table.iloc[1, 1:].isna().all()
    assert [f.name for f in (tmp_path / "x").iterdir()] == ["t.tsv"]


def test_the_real_tables_have_the_counts_of_table_2(shared_folder):
    folder = shared_folder / "desed_metadata"
    weak = read_tag_table(folder / "train/weak.tsv")
    unlabelled = read_tag_table(folder / "train/unlabel_in_domain.tsv", False)
    assert (weak["filename"].nunique(), len(weak)) == (1578, 1578)
    assert unlabelled["filename"].nunique() == 14412
    assert weak["event_labels"].map(len).min() == 1
    validation = read_event_table(folder / "validation/validation.tsv")
    evaluation = read_event_table(folder / "eval/public.tsv")
    assert validation["filename"].nunique() == 1168
    assert evaluation["filename"].nunique() == 692
    assert validation["onset"].isna().sum() == 15
