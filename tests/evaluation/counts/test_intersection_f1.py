"""Intersection-based F1 against psds_eval, sed_scores_eval and by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.counts.counts_by_clip import (
    intersection_counts,
)
from speechbrain_mmsed.evaluation.metrics.psds import quiet
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

LABELS = ["Dog", "Cat", "Fox", "Cow"]


def table(rows):
    return pd.DataFrame(rows, columns=EVENT_COLUMNS)


def draw(rng, n_clips, labels, edge=0.25):
    """Events on a coarse grid of times, so that shares meet 0.5 exactly."""
    rows = []
    for n in range(n_clips):
        for label in labels:
            times = rng.choice(44, 2 * rng.integers(0, 4), replace=False)
            times = np.sort(times) * edge
            rows += [
                [f"{n}.wav", on, off, label]
                for on, off in zip(times[::2], times[1::2], strict=True)
            ]
    return rows


@pytest.fixture(scope="module")
def corpus():
    """Cow is never there, Cat never predicted, the last clip is empty."""
    rng = np.random.default_rng(0)
    truth = GroundTruth(
        table(draw(rng, 11, LABELS[:3])),
        {f"{n}.wav": 11.0 for n in range(12)},
        LABELS,
    )
    events = table(draw(rng, 12, ["Dog", "Fox", "Cow"]))
    # Overlap by exactly a half, a detection of no length, one past the end.
    extra = [
        ["3.wav", 20.0, 20.0, "Dog"],
        ["4.wav", 11.5, 12.0, "Cow"],
    ]
    return pd.concat([events, table(extra)], ignore_index=True), truth


def by_hand(events, truth, label):
    """(tp, fp) of a class, event by event."""
    tp = fp = 0
    for name, seconds in truth.durations.items():
        good = []
        reference, found = (
            rows.loc[
                (rows["filename"] == name)
                & (rows["event_label"] == label)
                & (rows["offset"] > rows["onset"]),
                ["onset", "offset"],
            ].to_numpy()
            for rows in (truth.events, events)
        )
        for on, off in found:
            covered = sum(
                max(0, min(off, end) - max(on, begin))
                for begin, end in reference
            )
            if covered / (off - on) >= 0.5:
                good.append((on, off))
            elif on < seconds:
                fp += 1
        for begin, end in reference:
            covered = sum(
                max(0, min(off, end) - max(on, begin)) for on, off in good
            )
            tp += covered / (end - begin) >= 0.5
    return tp, fp


def test_counts_equal_those_by_hand(corpus):
    events, truth = corpus
    figures = intersection_counts(events, truth).result()
    for label in LABELS:
        counts = figures["class_wise"][label]
        assert (counts["tp"], counts["fp"]) == by_hand(events, truth, label)
        assert counts["fn"] == counts["nref"] - counts["tp"]
    assert figures["class_wise"]["Dog"]["tp"] > 3
    assert figures["class_wise"]["Cow"]["fp"] > 3
    assert figures["class_wise"]["Cow"]["f1"] is None
    assert figures["class_wise"]["Cat"]["f1"] == 0
    total = figures["counts"]
    assert figures["micro"] == pytest.approx(
        2 * total["tp"] / (2 * total["tp"] + total["fp"] + total["fn"])
    )
    assert figures["n_classes"] == 3
    assert "DTC = GTC = 0.5" in figures["definition"]
    assert figures["computed_by"].startswith("psds_eval 0.5")


def test_macro_equals_psds_evals_own(corpus):
    from psds_eval import PSDSEval

    events, truth = corpus
    figures = intersection_counts(events, truth).result()
    metadata = pd.DataFrame(
        truth.durations.items(), columns=["filename", "duration"]
    )
    with quiet():
        evaluation = PSDSEval(
            0.5, 0.5, 0.3, ground_truth=truth.events, metadata=metadata
        )
        known = events[events["event_label"] != "Cow"]
        _, per_class = evaluation.compute_macro_f_score(known)
    # psds_eval has 0 / 0 where a class is never found; its average of the
    # others would be larger than that of all classes.
    official = {k: 0.0 if np.isnan(f) else f for k, f in per_class.items()}
    assert official.keys() == set(figures["averaged_classes"])
    for label, f1 in official.items():
        assert figures["class_wise"][label]["f1"] == pytest.approx(f1)
    assert figures["macro"] == pytest.approx(np.mean(list(official.values())))


def test_counts_equal_sed_scores_eval(corpus):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("sed_scores_eval")
        from sed_scores_eval.base_modules.scores import create_score_dataframe
    events, truth = corpus
    labels = LABELS[:3]
    known = events[events["event_label"].isin(labels)]
    known = known[known["offset"] > known["onset"]]
    tables, reference = {}, {name: [] for name in truth.durations}
    times = np.arange(45) * 0.25
    for name in truth.durations:
        frame = np.zeros((44, 3))
        for row in known[known["filename"] == name].itertuples():
            first, past = int(row.onset / 0.25), int(row.offset / 0.25)
            frame[first:past, labels.index(row.event_label)] = 1.0
        tables[name] = create_score_dataframe(frame, times, labels)
    for name, onset, offset, label in truth.events.itertuples(index=False):
        reference[name].append((onset, offset, label))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f1, _, _, counts = library.intersection_based.fscore(
            tables,
            reference,
            threshold=0.5,
            dtc_threshold=0.5,
            gtc_threshold=0.5,
        )
    figures = intersection_counts(known, truth).result()["class_wise"]
    for label in labels:
        assert figures[label]["tp"] == counts[label]["tps"]
        assert figures[label]["fp"] == counts[label]["fps"]
        assert figures[label]["f1"] == pytest.approx(f1[label], abs=1e-9)


def test_counts_of_clips_add_up_to_those_of_parts(corpus):
    events, truth = corpus
    whole = intersection_counts(events, truth)
    for n in (0, 3, 11):
        name = f"{n}.wav"
        alone = intersection_counts(
            events[events["filename"] == name], truth.subset([name])
        )
        for field in ("tp", "nsys", "n_reference"):
            np.testing.assert_array_equal(
                getattr(whole, field)[n], getattr(alone, field)[0]
            )


def test_nothing_predicted_and_nothing_to_find(corpus):
    events, truth = corpus
    assert intersection_counts(events.iloc[:0], truth).result()["macro"] == 0.0
    silent = truth.subset(["11.wav"])
    figures = intersection_counts(
        events[events["filename"] == "11.wav"], silent
    ).result()
    assert (figures["macro"], figures["micro"]) == (None, None)
    assert "no reference" in figures["reason"]
    assert figures["counts"]["fp"] > 0


def test_overlapping_predictions_are_refused_with_their_clips(corpus):
    events, truth = corpus
    rows = [["5.wav", 1.0, 3.0, "Cow"], ["5.wav", 2.0, 4.0, "Cow"]]
    with pytest.raises(ValueError, match=r"1 clips have overl.*'5\.wav'"):
        intersection_counts(table(rows), truth).result()
