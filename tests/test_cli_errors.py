"""Whatever is wrong with arguments or data: exit code 2 and one message."""

import shutil

import numpy as np
import pandas as pd
import pytest
from corpora import write_table

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS, decode
from speechbrain_mmsed.postprocessing.scores import ClipScores

LABELS = ["Dog", "Cat"]
N_CLIPS = 14
HOP = 0.5
N_FRAMES = 20
NAMES = [f"Y{n:02}.wav" for n in range(N_CLIPS)]


@pytest.fixture(scope="module")
def sound_data(tmp_path_factory):
    """Data without a fault, in the three forms."""
    folder = tmp_path_factory.mktemp("sound_data")
    rows = [[name, 1.0, 3.0, "Dog"] for name in NAMES[:-1]]
    rows += [["Y00.wav", 5.0, 6.0, "Cat"], ["Y13.wav", None, None, None]]
    pd.DataFrame(rows, columns=EVENT_COLUMNS).to_csv(
        folder / "truth.tsv", sep="\t", index=False
    )
    pd.DataFrame({"filename": NAMES, "duration": 10.0}).to_csv(
        folder / "durations.tsv", sep="\t", index=False
    )
    rng = np.random.default_rng(0)
    frame = rng.uniform(size=(N_CLIPS, N_FRAMES, 2))
    scores = ClipScores(
        NAMES,
        np.full(N_CLIPS, 10.0),
        LABELS,
        frame.max(axis=1),
        frame,
        np.zeros(N_CLIPS, dtype=bool),
        HOP,
    )
    scores.save(folder / "npz/scores.npz")
    for name, values in zip(NAMES, frame, strict=True):
        write_table(folder / "tables" / f"{name[:-4]}.tsv", values, HOP)
    (folder / "points").mkdir()
    for threshold in (0.25, 0.5):
        decode(scores, [threshold] * 2, [1, 1]).to_csv(
            folder / f"points/th_{threshold}.tsv", sep="\t", index=False
        )
    return folder


@pytest.fixture
def data(sound_data, tmp_path):
    """A copy to damage."""
    return shutil.copytree(sound_data, tmp_path / "data")


def fail(capsys, data, predictions, *options):
    """The message of an evaluation that must end with 2."""
    arguments = [
        "evaluate",
        *("--predictions", str(data / predictions)),
        *("--ground-truth", str(data / "truth.tsv")),
        *("--durations", str(data / "durations.tsv")),
        *("--out", str(data / "out")),
        *map(str, options),
    ]
    assert main(arguments) == 2
    printed, message = capsys.readouterr()
    assert printed == ""
    assert message.startswith("mmsed evaluate: ")
    assert "Traceback" not in message
    assert len(message.splitlines()) == 1
    assert not list((data / "out").glob("*"))
    return message


def edit(path, change):
    """Change a table on disk."""
    table = pd.read_csv(path, sep="\t", dtype=object)
    table = change(table)
    table.to_csv(path, sep="\t", index=False)


def cell(column, value, row=0):
    """An edit of one cell."""

    def change(table):
        table.loc[row, column] = value
        return table

    return change


def all_in(message, *words):
    for word in words:
        assert word in message, message


def test_nothing_is_wrong_with_the_data(data, capsys):
    for predictions in ("npz", "tables", "points"):
        arguments = [
            "evaluate",
            *("--predictions", str(data / predictions)),
            *("--ground-truth", str(data / "truth.tsv")),
            *("--durations", str(data / "durations.tsv")),
            *("--out", str(data / "out")),
            "--no-pictures",
        ]
        assert main(arguments) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("predictions", ["npz/scores.npz", "tables"])
def test_clips_without_predictions_are_listed(data, capsys, predictions):
    more = pd.DataFrame(
        {"filename": [f"Z{n:02}.wav" for n in range(12)], "duration": 10.0}
    )
    path = data / "durations.tsv"
    edit(path, lambda table: pd.concat([table, more]))
    message = fail(capsys, data, predictions)
    all_in(message, predictions, "durations.tsv", "12 clips have a duration")
    all_in(message, "Z00.wav, Z01.wav", "Z09.wav and 2 more (12 in all)")
    assert "Z10" not in message


@pytest.mark.parametrize("predictions", ["npz/scores.npz", "tables", "points"])
def test_clips_without_duration_are_listed(data, capsys, predictions):
    # The last clip has no events; the table of events may leave it out.
    edit(data / "durations.tsv", lambda table: table.iloc[:-1])
    edit(data / "truth.tsv", lambda table: table.iloc[:-1])
    message = fail(capsys, data, predictions)
    all_in(message, "1 clips have", "no duration", "durations.tsv", "Y13")


def test_clips_of_the_truth_without_duration_are_listed(data, capsys):
    edit(data / "durations.tsv", lambda table: table.iloc[2:])
    message = fail(capsys, data, "tables")
    all_in(message, "truth.tsv: 2 clips have no duration in")
    all_in(message, "Y00.wav, Y01.wav", "add them there")


@pytest.mark.parametrize("predictions", ["npz", "tables"])
def test_labels_of_the_truth_must_be_scored(data, capsys, predictions):
    edit(data / "truth.tsv", cell("event_label", "Saw", 3))
    message = fail(capsys, data, predictions)
    all_in(message, "truth.tsv", "labels other than ['Dog', 'Cat']", "Y03.wav")


def test_labels_of_operating_points_must_be_known(data, capsys):
    path = data / "points/th_0.5.tsv"
    edit(path, cell("event_label", "Saw", 2))
    message = fail(capsys, data, "points")
    all_in(message, "th_0.5.tsv, line 4", "labels ['Saw']", "--labels")
    for predictions in ("tables", "npz"):
        message = fail(capsys, data, predictions, "--labels", "Dog", "Saw")
        all_in(message, "Saw")


def test_boxes_need_scores_to_be_tuned_on(data, capsys):
    for how in ("boxes", "both"):
        message = fail(capsys, data, "npz", "--postprocessing", how)
        all_in(message, f"--postprocessing {how}", "--validation-predictions")
    message = fail(capsys, data, "points", "--postprocessing", "median")
    all_in(message, "--postprocessing", "event-tsv")


def test_overlapping_events_are_listed(data, capsys):
    edit(data / "truth.tsv", cell("filename", "Y01.wav"))
    message = fail(capsys, data, "tables")
    all_in(message, "truth.tsv", "overlapping", "Y01.wav", "merge")


def test_overlapping_detections_are_listed(data, capsys):
    path = data / "points/th_0.25.tsv"
    edit(path, lambda table: pd.concat([table, table.iloc[:1]]))
    message = fail(capsys, data, "points")
    all_in(message, "th_0.25.tsv, line", "overlapping", "Y00.wav", "merge")


@pytest.mark.parametrize(
    "table, column, value, words",
    [
        ("durations.tsv", "duration", "ten", ["line 2", "'ten'", "seconds"]),
        ("durations.tsv", "duration", "0", ["line 2", "> 0", "Y00.wav"]),
        ("durations.tsv", "duration", "", ["line 2", "> 0", "Y00.wav"]),
        ("durations.tsv", "duration", "inf", ["line 2", "> 0", "Y00.wav"]),
        ("durations.tsv", "filename", "Y01.wav", ["twice: Y01.wav", "1 clips"]),
        ("truth.tsv", "onset", "one", ["line 2", "'one'", "seconds"]),
        ("truth.tsv", "onset", "-1", ["onset below 0", "Y00.wav"]),
        ("truth.tsv", "offset", "0.5", ["offset before", "Y00.wav"]),
        ("truth.tsv", "offset", "", ["empty cells", "Y00.wav"]),
        ("truth.tsv", "filename", "", ["line 2", "no file name"]),
    ],
)
def test_cells_of_the_reference(data, capsys, table, column, value, words):
    edit(data / table, cell(column, value))
    all_in(fail(capsys, data, "tables"), table, *words)


@pytest.mark.parametrize(
    "column, value, words",
    [
        ("Dog", "1.5", ["not from 0 to 1", "line 3, Dog: 1.5", "sigmoid"]),
        ("Cat", "-0.1", ["not from 0 to 1", "line 3, Cat: -0.1"]),
        ("Cat", "nan", ["not finite", "line 3, Cat: nan"]),
        ("Dog", "inf", ["not finite", "line 3, Dog: inf"]),
        ("Dog", "", ["not numbers", "line 3, Dog: ''"]),
        ("Dog", "high", ["not numbers", "line 3, Dog: 'high'"]),
        ("onset", "0.6", ["overlap or leave gaps", "0.6", "ends at 0.5 s"]),
        ("onset", "0.4", ["overlap or leave gaps", "line 3: 0.4 to 1 s"]),
        ("onset", "", ["not numbers", "line 3, onset: ''"]),
        ("onset", "nan", ["times are not finite", "line 3"]),
        ("offset", "0.5", ["do not end after they start", "line 3"]),
    ],
)
def test_cells_of_score_tables(data, capsys, column, value, words):
    for name in ("Y03", "Y04"):
        edit(data / f"tables/{name}.tsv", cell(column, value, 1))
    message = fail(capsys, data, "tables")
    all_in(message, "in 2 of 14 files", "Y03.tsv", *words)
    all_in(message, "Files: Y03.tsv, Y04.tsv")


def test_rows_of_other_lengths(data, capsys):
    path = data / "tables/Y03.tsv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(f"{row}\t1" for row in lines[1:])]))
    all_in(fail(capsys, data, "tables"), "Y03.tsv", "5 and 4")
    path.write_text("\n".join([*lines[:3], lines[3] + "\t1", *lines[4:]]))
    all_in(fail(capsys, data, "tables"), "Y03.tsv", "line 4 has 5 cells")
    path.write_text("\n".join(lines))
    with open(data / "truth.tsv", "a") as file:
        file.write("Y02.wav\t8\t9\tDog\tCat\n")
    all_in(fail(capsys, data, "tables"), "truth.tsv, line 17", "5 cells")


def test_files_that_are_no_text(data, capsys):
    (data / "durations.tsv").write_bytes(b"filename\tduration\n\xff\xfe\t1")
    all_in(fail(capsys, data, "tables"), "durations.tsv", "UTF-8")
    (data / "tables/Y07.tsv").write_bytes(b"\x89PNG\xff\xfe")
    all_in(fail(capsys, data, "tables"), "Y07.tsv", "UTF-8")


def shift(table):
    """All times later."""
    for name in ("onset", "offset"):
        table[name] = (table[name].astype(float) + 0.25).astype(str)
    return table


def stretch(factor):
    """Frames of another length."""

    def change(table):
        for name in ("onset", "offset"):
            table[name] = (table[name].astype(float) * factor).astype(str)
        return table

    return change


@pytest.mark.parametrize(
    "change, words",
    [
        (shift, ["not start at 0 s", "it starts at 0.25 s", "Y05.tsv"]),
        (stretch(1.3), ["ends at 13 s and lasts 10 s", "Y05"]),
        (lambda table: table.iloc[:10], ["ends at 5 s and lasts 10 s", "Y05"]),
        (lambda table: table.iloc[:0], ["there are no frames", "Y05.tsv"]),
        (lambda t: t.rename(columns={"Dog": "Cow"}), ["'Cow', 'Dog'", "Y05"]),
        (lambda t: t.iloc[[1, 0, *range(2, 20)]], ["start at 0 s", "Y05"]),
    ],
)
def test_time_axes(data, capsys, change, words):
    edit(data / "tables/Y05.tsv", change)
    all_in(fail(capsys, data, "tables"), "tables", *words)


def test_milliseconds_are_found_out(data, capsys):
    for name in NAMES:
        edit(data / f"tables/{name[:-4]}.tsv", stretch(1000))
    message = fail(capsys, data, "tables")
    all_in(message, "scores of 14 clips", "ends at 10000 s", "--end-tolerance")
    all_in(message, "Y09.wav and 4 more (14 in all)")


def test_predictions_that_are_none(data, capsys):
    all_in(fail(capsys, data, "nowhere"), "nowhere", "no such folder")
    (data / "empty").mkdir()
    all_in(fail(capsys, data, "empty"), "empty", "no predictions in this")
    (data / "above").mkdir()
    shutil.copytree(data / "tables", data / "above/student")
    all_in(fail(capsys, data, "above"), "has the folders student", "give one")
    all_in(fail(capsys, data, "durations.tsv"), "['filename', 'duration']")
    shutil.copy(data / "points/th_0.5.tsv", data / "tables")
    message = fail(capsys, data, "tables")
    all_in(message, "more than one form", "score-tsv: Y00.tsv (14 files)")
    all_in(message, "event-tsv: th_0.5.tsv (1 files)", "--format")


def test_npz_files(data, capsys, sound_data):
    shutil.copy(data / "npz/scores.npz", data / "npz/other.npz")
    all_in(fail(capsys, data, "npz"), "other.npz, scores.npz", "give one")
    (data / "npz/other.npz").write_bytes(b"PK\x03\x04 half a file")
    all_in(fail(capsys, data, "npz/other.npz"), "other.npz: ")
    np.savez(data / "npz/other.npz", frame=np.zeros(3))
    message = fail(capsys, data, "npz/other.npz")
    all_in(message, "other.npz", "are missing", "'clip'")
    edit(data / "durations.tsv", cell("duration", "7.25", 2))
    message = fail(capsys, data, "npz/scores.npz")
    all_in(message, "durations of 1 clips differ", "Y02.wav lasts 10 s there")
    (data / "npz/scores.npz").rename(data / "npz/weight_0.5000.npz")
    (data / "npz/other.npz").rename(data / "npz/weight_1.0000.npz")
    source = sound_data / "npz/scores.npz"
    shutil.copy(source, data / "npz/weight_1.0000.npz")
    all_in(fail(capsys, data, "npz"), "weights 0.5, 1", "--weight")
    message = fail(capsys, data, "npz", "--weight", 0.75)
    all_in(message, "--weight 0.75", "has the weights 0.5, 1")


def test_operating_points(data, capsys):
    message = fail(capsys, data, "points", "--operating-point", "0.75")
    all_in(message, "--operating-point 0.75", "th_0.25.tsv, th_0.5.tsv")
    edit(data / "points/th_0.5.tsv", cell("offset", "-2", 1))
    all_in(fail(capsys, data, "points"), "th_0.5.tsv, line 3", "offset before")
    edit(data / "points/th_0.5.tsv", cell("offset", "", 1))
    all_in(fail(capsys, data, "points"), "th_0.5.tsv, line 3", "empty cells")


@pytest.mark.parametrize(
    "predictions, options, words",
    [
        ("points", ["--threshold", 0.3], ["--threshold", "no meaning"]),
        ("points", ["--intervals"], ["--intervals needs --operating-point"]),
        (
            "tables",
            ["--operating-point", 0.5],
            ["--operating-point", "no"],
        ),
        ("tables", ["--weight", 1], ["--weight", "score-tsv"]),
        ("npz", ["--end-tolerance", 1], ["--end-tolerance", "no meaning"]),
        (
            "tables",
            ["--validation-predictions", "x"],
            ["--validation-ground-truth and --validation-durations as well"],
        ),
        ("tables", ["--labels", "Dog", "Dog"], ["['Dog'] are given twice"]),
        ("tables", ["--video", "nowhere"], ["nowhere", "--video"]),
        (
            "tables",
            ["--ignored-predictions", "nowhere"],
            ["--ignored-predictions nowhere", "no such folder"],
        ),
        ("tables", ["--format", "npz"], ["no npz files"]),
        ("npz", ["--format", "score-tsv"], ["no tsv files"]),
    ],
)
def test_options_that_make_no_sense(data, capsys, predictions, options, words):
    all_in(fail(capsys, data, predictions, *options), *words)


def test_either_tuned_or_given(data, capsys):
    options = ["--validation-predictions", data / "tables"]
    options += ["--validation-ground-truth", data / "truth.tsv"]
    options += ["--validation-durations", data / "durations.tsv"]
    message = fail(capsys, data, "tables", *options, "--window", 3)
    all_in(message, "--window and validation data", "tuned")


@pytest.mark.parametrize(
    "option, value",
    [
        ("--window", "4"),
        ("--window", "0"),
        ("--threshold", "1"),
        ("--threshold", "nan"),
        ("--end-tolerance", "-1"),
        ("--format", "csv"),
    ],
)
def test_values_that_are_refused_at_once(data, capsys, option, value):
    with pytest.raises(SystemExit) as stopped:
        fail(capsys, data, "tables", option, value)
    assert stopped.value.code == 2
    assert option in capsys.readouterr().err


def test_video_lists(data, capsys):
    table = pd.DataFrame({"filename": NAMES[:-2], "has_video": "1"})
    path = data / "video.tsv"
    table.to_csv(path, sep="\t", index=False)
    message = fail(capsys, data, "tables", "--video", path)
    all_in(message, "video.tsv: 2 clips have no row: Y12.wav, Y13.wav")
    edit(path, cell("has_video", "maybe"))
    message = fail(capsys, data, "tables", "--video", path)
    all_in(message, "video.tsv, line 2", "'maybe'")
    path.write_text("Y01.wav\nY77.wav\n")
    message = fail(capsys, data, "tables", "--video", path)
    all_in(message, "1 clips are not in", "Y77.wav")


def test_places_that_cannot_be_read_or_written(data, capsys):
    (data / "out").write_text("a file")
    arguments = [
        "evaluate",
        *("--predictions", str(data / "tables")),
        *("--ground-truth", str(data / "truth.tsv")),
        *("--durations", str(data / "durations.tsv")),
        *("--out", str(data / "out")),
    ]
    assert main(arguments) == 2
    all_in(capsys.readouterr().err, "--out", "a file; expected a folder")
    (data / "out").unlink()
    (data / "truth.tsv").unlink()
    all_in(fail(capsys, data, "tables"), "truth.tsv: no such file")


def test_without_enough_arguments_the_usage_is_shown(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate"])
    assert stopped.value.code == 2
    assert "--predictions" in capsys.readouterr().err
