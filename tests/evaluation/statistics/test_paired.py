"""Paired comparisons: same resamples, honest p-values, refusals."""

import numpy as np
import pytest

from speechbrain_mmsed.evaluation.counts.counts import Counts
from speechbrain_mmsed.evaluation.reports.documents import markdown
from speechbrain_mmsed.evaluation.reports.report_tables import differences_table
from speechbrain_mmsed.evaluation.statistics.bootstrap import (
    bootstrap,
    compare,
    p_value,
    resample_weights,
)

LABELS = ["Dog", "Cat"]


def make_counts(gain=0.0, n_clips=200, seed=0, noise=1):
    """Clips differ much in how many of their four events are found."""
    rng = np.random.default_rng(0)
    hardness = rng.random((n_clips, 2))
    rng = np.random.default_rng(seed)
    share = np.clip(hardness + gain + noise * rng.normal(0, 0.02), 0, 1)
    tp = np.round(4 * share).astype(int)
    four = np.full((n_clips, 2), 4)
    names = [f"{n}.wav" for n in range(n_clips)]
    return Counts(names, LABELS, tp, four, four, "F1", "hand")


def shuffled(counts, seed=1):
    order = np.random.default_rng(seed).permutation(len(counts.filenames))
    return Counts(
        [counts.filenames[i] for i in order],
        counts.labels,
        counts.tp[order],
        counts.nsys[order],
        counts.n_reference[order],
        counts.definition,
        counts.computed_by,
    )


def test_a_small_gain_on_every_clip_is_found_where_intervals_overlap():
    first, second = make_counts(), make_counts(gain=0.03)
    alone = [bootstrap(c)["figures"]["macro"] for c in (first, second)]
    assert alone[0]["high"] > alone[1]["low"]
    macro = compare(first, second)["figures"]["macro"]
    assert macro["difference"] == pytest.approx(
        alone[1]["value"] - alone[0]["value"]
    )
    assert 0 < macro["low"] < macro["difference"] < macro["high"]
    assert macro["p_value"] <= 0.001
    assert macro["bootstrap_error"] < alone[0]["bootstrap_error"] / 2


def test_interval_is_that_of_differences_on_the_same_resamples():
    first, second = make_counts(), shuffled(make_counts(gain=0.05))
    result = compare(first, second, n_resamples=300, level=0.8, seed=4)
    weights = resample_weights(200, 300, seed=4)
    differences = []
    for row in weights:
        values = []
        for counts in (first, second):
            drawn = dict(zip(first.filenames, row, strict=True))
            times = np.array([drawn[name] for name in counts.filenames])
            tp = (counts.tp * times[:, None]).sum()
            values.append(2 * tp / (2 * 8 * row.sum()))
        differences.append(values[1] - values[0])
    micro = result["figures"]["micro"]
    assert micro["low"] == pytest.approx(np.percentile(differences, 10))
    assert micro["high"] == pytest.approx(np.percentile(differences, 90))


def test_swapping_the_systems_changes_the_sign_only():
    first, second = make_counts(), make_counts(gain=0.02, seed=7)
    there = compare(first, second, seed=2)["figures"]["Dog"]
    back = compare(second, first, seed=2)["figures"]["Dog"]
    assert there["difference"] == pytest.approx(-back["difference"])
    assert there["low"] == pytest.approx(-back["high"])
    assert there["p_value"] == back["p_value"]


def test_a_system_compared_with_itself():
    counts = make_counts()
    result = compare(counts, shuffled(counts))
    for figure in result["figures"].values():
        assert figure["difference"] == 0
        assert figure["p_value"] == 1.0
        assert abs(figure["low"]) < 1e-12
        assert abs(figure["high"]) < 1e-12


def test_p_values_are_uniform_where_there_is_no_difference():
    """Two systems with the same hit rate: few p-values are small."""
    rng = np.random.default_rng(3)
    ones = np.ones((100, 1), dtype=int)
    names = [str(n) for n in range(100)]
    small = 0
    for _ in range(100):
        pair = [
            Counts(
                names,
                ["Dog"],
                (rng.random((100, 1)) < 0.6).astype(int),
                ones,
                ones,
                "",
                "",
            )
            for _ in range(2)
        ]
        figures = compare(*pair, n_resamples=300)["figures"]
        small += figures["micro"]["p_value"] < 0.1
    assert 2 <= small <= 22


def test_p_value_of_all_of_one_sign():
    assert p_value(np.ones(999)) == pytest.approx(2 / 1000)
    assert p_value(np.array([np.nan])) is None


def test_different_clips_are_refused_and_listed():
    first, second = make_counts(), make_counts()
    second.filenames[3] = "other.wav"
    message = r"1 only in ours: \['3\.wav'\]; 1 only in theirs: \['other"
    with pytest.raises(ValueError, match=message):
        compare(first, second, ("ours", "theirs"))


def test_other_reference_classes_or_figures_are_refused():
    first, second = make_counts(), make_counts()
    second.n_reference = second.n_reference.copy()
    second.n_reference[5, 1] = 3
    with pytest.raises(ValueError, match=r"1 clips.*\['5\.wav'\]"):
        compare(first, second)
    second = make_counts()
    second.labels = LABELS[::-1]
    with pytest.raises(ValueError, match="same classes"):
        compare(first, second)
    second = make_counts()
    second.definition = "F2"
    with pytest.raises(ValueError, match="same figure"):
        compare(first, second)


def test_table():
    pair, names = (make_counts(), make_counts(gain=0.1)), ("student", "teacher")
    results = {"ebf1": compare(*pair, names, n_resamples=200)}
    table = differences_table(results, ["micro", "macro", "Dog"])
    lines = str(table).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0][:4] == ["figure", "student", "teacher", "difference"]
    titles = [row[0] for row in cells[2:]]
    assert titles == ["EBF1 micro", "EBF1 macro", "EBF1 Dog"]
    difference = results["ebf1"]["figures"]["macro"]["difference"]
    assert cells[3][3] == f"{100 * difference:+.2f}"
    content = dict.fromkeys(["classes", "left_out"])
    content |= {"names": "ab", "files": "ab", "clips": "", "pictures": []}
    content |= {"results": results, "averages": table}
    last = markdown("comparison.txt", "", **content).splitlines()[-1]
    assert "200 clips, paired" in last and "200 resamples" in last
    alone = str(differences_table(results, ["Dog"]))
    (line,) = alone.splitlines()[2:]
    assert line.split() == lines[4].split()
