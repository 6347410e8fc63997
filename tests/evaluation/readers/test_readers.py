"""Score tables and operating points, read as their writers meant them."""

import pathlib

import numpy as np
import pandas as pd
import pytest
from corpora import write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.evaluation.counts.psds_counting import psds_by_clip
from speechbrain_mmsed.evaluation.metrics.f1 import event_f1, segment_f1
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    THRESHOLDS as PSDS_THRESHOLDS,
)
from speechbrain_mmsed.evaluation.metrics.psds import psds_of_operating_points
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.readers.events import (
    _chosen_point,
    _point_files,
    _read_point,
    _threshold_of,
    read_points,
)
from speechbrain_mmsed.evaluation.readers.score_tables import (
    read_score_tables,
    score_labels,
    single_precision,
)
from speechbrain_mmsed.evaluation.readers.tables import recognise
from speechbrain_mmsed.evaluation.readers.truth import (
    match_names,
    read_events,
    read_labels,
    read_truth,
    read_video,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS, decode
from speechbrain_mmsed.postprocessing.frame_grid import check_ends, common_grid
from speechbrain_mmsed.problems import PredictionError, listed

LABELS = ["Dog", "Cat"]
HOP = 0.064


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """Tables of a system with a hop of 64 ms and clips of all lengths.

    Like the DCASE baselines it rounds the number of frames down. Returns
    (folder, truth, scores of each clip).
    """
    folder = tmp_path_factory.mktemp("system")
    rng = np.random.default_rng(3)
    durations, rows, values = {}, [], {}
    for n in range(20):
        name = f"Y{n}_30.000_40.000.wav"
        durations[name] = 10.0 if n % 2 else float(rng.uniform(2.4, 9.9))
        n_frames = int(durations[name] / HOP)
        logits = 0.8 * rng.normal(size=(n_frames, 2)) - 2
        for c in range(2):
            onset = rng.uniform(0, durations[name] - 1.5)
            offset = onset + rng.uniform(0.4, 1.5)
            rows.append([name, onset, offset, LABELS[c]])
            logits[int(onset / HOP) : int(offset / HOP) + 1, c] += 4
        values[name] = 1 / (1 + np.exp(-logits))
        write_table(folder / f"Y{n}_30.000_40.000.tsv", values[name], HOP)
    events = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    return folder, GroundTruth(events, durations, LABELS), values


def scipy_events(values, durations, threshold, window):
    """The obvious twin: each clip filtered alone by scipy, then cut."""
    from scipy.ndimage import median_filter

    rows = []
    for name, clip in values.items():
        for c, label in enumerate(LABELS):
            # scipy calls "reflect" what repeats the last sample.
            smooth = median_filter(clip[:, c], window, mode="reflect")
            active = np.concatenate([[0], smooth > threshold, [0]])
            changes = np.flatnonzero(np.diff(active))
            for first, past in changes.reshape(-1, 2):
                onset = first * HOP
                offset = min(past * HOP, durations[name])
                rows.append([name, onset, offset, label])
    table = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    return table.sort_values(EVENT_COLUMNS, ignore_index=True)


@pytest.mark.parametrize("window", [1, 7, 31])
def test_clips_of_all_lengths_are_filtered_alone(system, window):
    folder, truth, values = system
    scores, notes = read_score_tables(folder, truth)
    assert scores.frame_hop == HOP
    assert scores.frame.shape == (20, 156 + 15, 2)
    events = decode(scores, [0.5, 0.5], [window, window])
    events = events.sort_values(EVENT_COLUMNS, ignore_index=True)
    expected = scipy_events(values, truth.durations, 0.5, window)
    assert len(expected) > 20
    pd.testing.assert_frame_equal(events, expected)
    assert "frames of 0.064 s" in notes[0]
    # The best frame, and never one that only continues the clip.
    for name, clip in zip(scores.filenames, scores.clip, strict=True):
        assert clip == pytest.approx(values[name].max(axis=0), abs=1e-7)


def test_figures_equal_those_of_sed_scores_eval(system, tmp_path):
    compare = pytest.importorskip("sed_scores_eval")
    folder, truth, _ = system
    truth.events.to_csv(tmp_path / "truth.tsv", sep="\t", index=False)
    pd.DataFrame(
        truth.durations.items(), columns=["filename", "duration"]
    ).to_csv(tmp_path / "durations.tsv", sep="\t", index=False)
    scores, _ = read_score_tables(folder, truth)
    theirs, class_wise, *_ = compare.intersection_based.psds(
        scores=str(folder),
        ground_truth=str(tmp_path / "truth.tsv"),
        audio_durations=str(tmp_path / "durations.tsv"),
        dtc_threshold=0.7,
        gtc_threshold=0.7,
        cttc_threshold=None,
        alpha_ct=0.0,
        alpha_st=1.0,
        max_efpr=100,
    )
    ours = psds_by_clip(scores, truth, [1, 1], "psds1").result()
    assert 0.01 < theirs < 0.99
    assert ours["value"] == pytest.approx(theirs, abs=1e-6)
    for label in LABELS:
        areas = ours["class_wise"][label], class_wise[label]
        assert areas[0] == pytest.approx(areas[1], abs=1e-6)
    events = decode(scores, [0.5, 0.5], [1, 1])
    for ours, module, options in (
        (
            event_f1(events, truth),
            compare.collar_based,
            {
                "onset_collar": 0.2,
                "offset_collar": 0.2,
                "offset_collar_rate": 0.2,
            },
        ),
        (
            segment_f1(events, truth),
            compare.segment_based,
            {
                "segment_length": 1.0,
                "audio_durations": str(tmp_path / "durations.tsv"),
            },
        ),
    ):
        f1, *_ = module.fscore(
            scores=str(folder),
            ground_truth=str(tmp_path / "truth.tsv"),
            threshold=0.5,
            **options,
        )
        for label in LABELS:
            expected = f1[label]
            found = ours["class_wise"][label]["f1"]
            assert found == pytest.approx(expected, abs=1e-9), module


def test_figures_equal_those_of_psds_eval_on_other_peoples_events(system):
    folder, truth, values = system
    scores, _ = read_score_tables(folder, truth)
    ours, twin = [], []
    for threshold in PSDS_THRESHOLDS:
        ours.append(decode(scores, [threshold] * 2, [7, 7]))
        twin.append(scipy_events(values, truth.durations, threshold, 7))
    first, second = (
        psds_of_operating_points(tables, truth, "psds2")
        for tables in (ours, twin)
    )
    assert first["value"] == pytest.approx(second["value"], abs=1e-12)


def test_fixed_length_scores_of_shorter_clips(tmp_path):
    values = np.full((156, 2), 0.9)
    for name in ("a", "b"):
        write_table(tmp_path / f"{name}.tsv", values, HOP)
    truth = GroundTruth(
        pd.DataFrame([["a.wav", 0.0, 1.0, "Dog"]], columns=EVENT_COLUMNS),
        {"a.wav": 3.0, "b.wav": 10.0},
        LABELS,
    )
    scores, notes = read_score_tables(tmp_path, truth)
    assert scores.frame.shape == (2, 156, 2)
    assert any("1 clips are shorter" in note for note in notes)
    assert any("1 clips end before" in note for note in notes)
    events = decode(scores, [0.5, 0.5], [1, 1])
    assert events["offset"].tolist() == pytest.approx([3, 3, 9.984, 9.984])


@pytest.mark.parametrize("digits", [None, 6, 3])
@pytest.mark.parametrize("hop", [0.1565, 0.064, 0.02, 1 / 3, 0.16, 1.0])
def test_hop_is_found_from_rounded_times(hop, digits):
    axes = {}
    for n_frames in (3, 47, 60):
        times = np.arange(n_frames + 1) * hop
        if digits is not None:
            times = np.round(times, digits)
        axes[str(n_frames)] = (times[:-1], times[1:])
    grid = common_grid(axes)
    assert grid.hop == pytest.approx(hop, abs=1e-4 if digits == 3 else 1e-8)
    if hop != 1 / 3:
        assert grid.hop == hop
    assert grid.deviation <= 1e-3
    durations = dict(grid.ends)
    assert check_ends(grid, durations, "folder") == []


def test_last_frame_may_be_cut_and_tolerance_given(tmp_path):
    values = np.full((20, 2), 0.9)
    write_table(tmp_path / "a.tsv", values, 0.5, end=9.7)
    write_table(tmp_path / "b.tsv", values[:12], 0.5)
    events = pd.DataFrame([["a", 0.0, 1.0, "Dog"]], columns=EVENT_COLUMNS)
    truth = GroundTruth(events, {"a": 10.0, "b": 9.0}, LABELS)
    with pytest.raises(PredictionError, match=r"b ends at 6 s and lasts 9 s"):
        read_score_tables(tmp_path, truth)
    scores, _ = read_score_tables(tmp_path, truth, end_tolerance=4)
    ends = decode(scores, [0.5, 0.5], [1, 1])["offset"].tolist()
    assert ends == pytest.approx([9.7, 9.7, 6.0, 6.0])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.floats(0, 1),
            st.integers(0, 100).map(lambda n: n / 100),
            st.integers(0, 10).map(lambda n: np.float64(np.float32(n / 10))),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_single_precision_compares_as_double(values):
    values = np.array(values)
    thresholds = np.arange(1, 100) / 100
    single = single_precision(values, thresholds)
    assert single.dtype == np.float32
    above = single.astype(np.float64)[:, None] > thresholds
    assert (above == (values[:, None] > thresholds)).all()
    assert np.abs(single - values).max() < 1.2e-7
    assert ((single >= 0) & (single <= 1)).all()


def test_scores_of_few_decimals_lie_on_the_right_side(tmp_path):
    values = np.array([[0.3, 0.7], [0.31, 0.71]] * 10)
    write_table(tmp_path / "a.tsv", values, 0.5)
    events = pd.DataFrame([["a", 0.0, 1.0, "Dog"]], columns=EVENT_COLUMNS)
    truth = GroundTruth(events, {"a": 10.0}, LABELS)
    scores, _ = read_score_tables(tmp_path, truth)
    decoded = decode(scores, [0.3, 0.7], [1, 1])
    assert decoded["event_label"].value_counts().to_dict() == {
        "Dog": 10,
        "Cat": 10,
    }
    assert decoded["onset"].min() == 0.5


def test_columns_are_taken_by_name(tmp_path):
    values = np.random.default_rng(0).uniform(size=(20, 2))
    for name in ("a", "b"):
        write_table(tmp_path / f"{name}.tsv", values, 0.5)
    turned = pd.read_csv(tmp_path / "b.tsv", sep="\t")
    turned = turned[["onset", "offset", "Cat", "Dog"]]
    turned.to_csv(tmp_path / "b.tsv", sep="\t", index=False)
    assert score_labels(tmp_path) == LABELS
    events = pd.DataFrame([["a", 0.0, 1.0, "Dog"]], columns=EVENT_COLUMNS)
    truth = GroundTruth(events, {"a": 10.0, "b": 10.0}, LABELS)
    scores, _ = read_score_tables(tmp_path, truth)
    assert np.array_equal(scores.frame[0], scores.frame[1])
    assert recognise(tmp_path) == "score-tsv"


def test_names_are_matched_with_and_without_ending():
    known = ["Y_1.000_2.000.wav", "b", "c.flac"]
    given_names = ["Y_1.000_2.000", "b", "c.flac", "Y_1", "c.wav"]
    assert match_names(given_names, known, "folder") == {
        "Y_1.000_2.000": "Y_1.000_2.000.wav",
        "b": "b",
        "c.flac": "c.flac",
    }
    with pytest.raises(PredictionError, match=r"a may be any of a\.flac, a\.w"):
        match_names(["a"], ["a.wav", "a.flac"], "folder")
    with pytest.raises(PredictionError, match="predictions twice.*a, a.wav"):
        match_names(["a", "a.wav"], ["a.wav"], "folder")
    assert listed(["b", "a"]) == "a, b"


def test_reference_is_read_as_text(tmp_path):
    (tmp_path / "truth.tsv").write_text(
        "\ufeffevent_label\tonset\toffset\tfilename\n"
        "NA\t0.1\t0.3\t7\n\n \t\t\t008\nnull\t1e-1\t2\t008\n",
        encoding="utf-8",
    )
    (tmp_path / "durations.tsv").write_text(
        "filename\tduration\n7\t10\n008\t9.5\n9\t8\n"
    )
    truth = read_truth(tmp_path / "truth.tsv", tmp_path / "durations.tsv")
    assert truth.labels == ["NA", "null"]
    assert truth.durations == {"7": 10.0, "008": 9.5, "9": 8.0}
    assert truth.events.values.tolist() == [
        ["008", 0.1, 2.0, "null"],
        ["7", 0.1, 0.3, "NA"],
    ]
    # Rows keep the number of their line.
    assert read_events(tmp_path / "truth.tsv").index.tolist() == [2, 4, 5]


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 100))
def test_times_are_read_to_the_last_bit(seconds):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "t.tsv"
        path.write_text(
            "filename\tonset\toffset\tevent_label\n"
            f"a\t{seconds!r}\t{seconds + 1!r}\tDog\n"
        )
        table = read_events(path)
    assert table["onset"].tolist() == [seconds]
    assert table["offset"].tolist() == [seconds + 1]


def test_operating_points_are_ordered_and_chosen(tmp_path):
    header = "filename\tonset\toffset\tevent_label\n"
    for threshold in ("0.5", "0.05", "0.25", "1"):
        path = tmp_path / f"student_2_th_{threshold}.tsv"
        path.write_text(header)
    files = _point_files(tmp_path)
    assert [_threshold_of(file) for file in files] == [0.05, 0.25, 0.5, 1.0]
    assert _threshold_of(tmp_path / "student.tsv") is None
    for choice in ("0.25", ".25", files[1].name, files[1].stem, str(files[1])):
        assert _chosen_point(files, choice) == files[1]
    with pytest.raises(PredictionError, match="none of the tables"):
        _chosen_point(files, "0.3")
    assert recognise(tmp_path) == "event-tsv"


def test_an_operating_point_keeps_what_it_has(tmp_path):
    truth = GroundTruth(
        pd.DataFrame([["a.wav", 0.0, 1.0, "Dog"]], columns=EVENT_COLUMNS),
        {"a.wav": 10.0, "b.wav": 10.0},
        LABELS,
    )
    path = tmp_path / "point.csv"
    path.write_text(
        ",event_label,onset,offset,filename\n"
        "0,Dog,0.0,10.2,a.wav\n1,Cat,2,2,a.wav\n2,,,,b.wav\n"
    )
    events, counts = _read_point(path, truth)
    assert events[EVENT_COLUMNS].values.tolist() == [
        ["a.wav", 0.0, 10.2, "Dog"],
        ["a.wav", 2.0, 2.0, "Cat"],
    ]
    found = {name: number for name, number in counts.items() if number}
    assert found == {"empty_clips": 1, "zero_length": 1, "past_end": 1}
    path.write_text(",event_label,onset,offset,filename\n")
    events, _ = _read_point(path, truth)
    assert events.empty and list(events) == EVENT_COLUMNS
    result = psds_of_operating_points([events], truth, "psds1")
    assert result["value"] == 0


def test_video_from_a_list_or_a_table(tmp_path):
    known = ["a.wav", "b.wav", "c.wav"]
    path = tmp_path / "video"
    path.write_text("filename\na.wav\nc\n")
    expected = {"a.wav": True, "b.wav": False, "c.wav": True}
    assert read_video(path, known) == expected
    path.write_text("has_video\tfilename\nTrue\ta\n0\tb\nyes\tc.wav\n")
    assert read_video(path, known) == expected


def test_labels_from_words_or_a_file(tmp_path):
    assert read_labels(["b", "a"]) == ["b", "a"]
    (tmp_path / "labels").write_text("Music, singing\n\nDog\n")
    assert read_labels([str(tmp_path / "labels")]) == ["Music, singing", "Dog"]


def test_what_a_gate_gave_is_no_prediction(tmp_path):
    """A gated run's scores have a table of fusion weights beside them."""
    for name in ("weight_gated.npz", "weight_1.0000.npz"):
        (tmp_path / name).touch()
    (tmp_path / "fusion_weights.csv").write_text("filename,sound\na.wav,1.0\n")
    assert recognise(tmp_path) == "npz"


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([0.06, 0.1565, 1 / 3]),
    st.sampled_from([None, 6, 3]),
    st.lists(st.sets(st.integers(1, 63), max_size=6), min_size=2, max_size=5),
)
def test_frames_of_uneven_length_stand_for_several(hop, digits, cuts):
    axes = {}
    for n, inner in enumerate(cuts):
        times = np.array([0, *sorted(inner), 64]) * hop
        times = times if digits is None else np.round(times, digits)
        axes[str(n)] = times[:-1], times[1:]
    grid = common_grid(axes)
    for clip, (_, offset) in axes.items():
        counts = grid.repeats.get(clip, np.ones(len(offset)))
        ends = np.cumsum(counts) * grid.hop
        # The last frame may be cut.
        np.testing.assert_allclose(ends[:-1], offset[:-1], atol=2e-3)
        assert ends[-1] >= offset[-1] - 2e-3
        assert grid.ends[clip] == pytest.approx(offset[-1], abs=2e-3)


def test_boxes_give_the_figures_of_their_frames(tmp_path):
    rng = np.random.default_rng(0)
    folders = [tmp_path / "frames", tmp_path / "boxes"]
    names = [f"{n}.wav" for n in range(4)]
    for name in names:
        # Half of the frames begin a box.
        box = np.cumsum(rng.random(64) < 0.5)
        values = np.round(rng.random((65, 2)), 3)[box]
        table = pd.DataFrame(values, columns=LABELS)
        table.insert(0, "onset", np.arange(64) * 0.15)
        table.insert(1, "offset", np.arange(1, 65) * 0.15)
        boxes = table.groupby(box).agg(
            {"onset": "first", "offset": "last"} | dict.fromkeys(LABELS, "max")
        )
        for folder, some in zip(folders, (table, boxes), strict=True):
            folder.mkdir(exist_ok=True)
            path = folder / f"{name[:-4]}.tsv"
            some.to_csv(path, sep="\t", index=False, float_format="%.4f")
    rows = [[name, 1.0, 3.3, "Dog"] for name in names]
    truth = GroundTruth.of_rows(rows, dict.fromkeys(names, 9.6), LABELS)
    frames, boxes = (read_score_tables(f, truth) for f in folders)
    assert "uneven" in boxes[1][0] and "uneven" not in frames[1][0]
    events = [decode(s, [0.5, 0.5], [1, 1]) for s, _ in (frames, boxes)]
    pd.testing.assert_frame_equal(*events)


def test_a_frame_of_milliseconds_takes_no_memory(tmp_path):
    (tmp_path / "a.tsv").write_text(
        "onset\toffset\tDog\tCat\n0\t1\t1\t0\n1\t3.3\t0\t1\n3.3\t1e9\t1\t1\n"
    )
    truth = GroundTruth.of_rows([["a", 0, 1, "Dog"]], {"a": 10.0}, LABELS)
    with pytest.raises(PredictionError, match=r"ends at 1e\+09 s and lasts 10"):
        read_score_tables(tmp_path, truth)
    with pytest.raises(PredictionError, match=r"more than 5e\+08 scores"):
        read_score_tables(tmp_path, truth, end_tolerance=1e10)


@pytest.mark.parametrize("offset", ["10.6", "1e6", "1e300", "inf", "1e400"])
def test_detections_are_cut_at_the_ends_of_their_clip(tmp_path, offset):
    truth = GroundTruth.of_rows(
        [["a.wav", 8.0, 10.0, "Dog"]], {"a.wav": 10.0, "b.wav": 5.0}, LABELS
    )
    path = tmp_path / "0.5.tsv"
    path.write_text(
        f"filename\tonset\toffset\tevent_label\na\t8\t{offset}\tDog\n"
        f"a\t-3\t2\tCat\na\t-inf\t-1\tCat\nb\t7\t{offset}\tDog\n"
        "b\t4.9\t5.2\tDog\n"
    )
    (events,), _, notes = read_points(path, truth)
    assert events.values.tolist() == [
        ["a.wav", 8.0, 10.0, "Dog"],
        ["a.wav", 0.0, 2.0, "Cat"],
        # A frame that the end cuts.
        ["b.wav", 4.9, 5.2, "Dog"],
    ]
    assert [note for note in notes if note.startswith("4 detections begin")]
    assert [note for note in notes if note.startswith("1 detections end")]
    assert segment_f1(events, truth)["class_wise"]["Dog"]["tp"] == 2


def test_unsure_events_are_none(tmp_path):
    (tmp_path / "durations.tsv").write_text("filename\tduration\na\t10\n")
    path = tmp_path / "truth.tsv"
    path.write_text(
        "filename\tonset\toffset\tevent_label\tConfidence\n"
        "a\t0\t2\tDog\t0.5\na\t1\t3\tDog\t0.49\na\t3\t4\tCat\t\n"
        "a\t5\t6\tFox\t0\n"
    )
    notes = []
    truth = read_truth(path, tmp_path / "durations.tsv", None, notes)
    assert truth.events["event_label"].tolist() == ["Cat", "Dog"]
    assert truth.labels == ["Cat", "Dog", "Fox"] and "2 events" in notes[0]
    # What a system is sure of is its own affair; it may not overlap.
    path.write_text(path.read_text().replace("a\t1\t3", "a\t2\t3"))
    (events,), _, notes = read_points(path, truth, None)
    assert len(events) == 4 and "2 detections have a confidence" in notes[1]


@pytest.mark.parametrize("text", ["nan", "NaN", "one", "1_0", "1,000.5", "0x1"])
@pytest.mark.parametrize("column", ["onset", "offset", "confidence"])
def test_text_among_numbers_is_refused_by_name(tmp_path, text, column):
    cells = {"onset": "1", "offset": "2", "confidence": "1"} | {column: text}
    path = tmp_path / "truth.tsv"
    path.write_text(
        "filename\tevent_label\t" + "\t".join(cells) + "\n"
        "a\tDog\t" + "\t".join(cells.values()) + "\n"
    )
    words = rf"truth.tsv, line 2: .*{text}.*expected .* as {column}"
    with pytest.raises(PredictionError, match=words):
        read_events(path)


def test_durations_and_true_events_are_seconds(tmp_path):
    truth, durations = tmp_path / "truth.tsv", tmp_path / "durations.tsv"
    truth.write_text("filename\tonset\toffset\tevent_label\na\t1\t9e6\tDog\n")
    for seconds, words in (
        ("10", "truth.tsv, line 2.*an hour after its clip"),
        ("1e9", "durations.tsv, line 2.*below 1e"),
        ("nan", "durations.tsv, line 2.*expected seconds"),
    ):
        durations.write_text(f"filename\tduration\na\t{seconds}\n")
        with pytest.raises(PredictionError, match=words):
            read_truth(truth, durations)
