"""Which events are wanted: by class, threshold, gap, duration and rank."""

import io

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.inference import DetectionError
from speechbrain_mmsed.inference.wanted import Wanted

LABELS = ["Cat", "Dog", "Male speech, man speaking"]
NUMBERS = st.integers(0, 40).map(lambda n: n / 4)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(NUMBERS, NUMBERS, st.sampled_from(LABELS), NUMBERS),
        max_size=12,
    ),
    gap=NUMBERS,
    shortest=NUMBERS,
    top=st.none() | st.integers(1, 5),
    classes=st.lists(st.sampled_from(LABELS), unique=True),
)
def test_a_slow_twin_gives_the_same(rows, gap, shortest, top, classes):
    rows = [(a, a + b, label, p) for a, b, label, p in rows]
    columns = ["onset", "offset", "event_label", "score"]
    events = pd.DataFrame(rows, columns=columns).assign(filename="a.wav")
    events = events.astype({"onset": float, "offset": float, "score": float})
    found = Wanted(tuple(classes), None, gap, shortest, top).of(events)

    expected = []
    for label in classes or LABELS:
        merged = []
        for a, b, _, p in sorted(r for r in rows if r[2] == label):
            weight = max(b - a, 1e-9)
            if gap and merged and a - merged[-1][1] < gap:
                last = merged[-1]
                last[1] = max(last[1], b)
                last[3].append((p, weight))
            else:
                merged.append([a, b, label, [(p, weight)]])
        expected += [m for m in merged if m[1] - m[0] >= shortest]
    for event in expected:
        total = sum(weight for _, weight in event[3])
        event[3] = sum(p * weight for p, weight in event[3]) / total
    best = sorted((event[3] for event in expected), reverse=True)[:top]
    assert sorted(found["score"], reverse=True) == pytest.approx(best)
    spans = {(a, b, label) for a, b, label, _ in expected}
    for event in found.itertuples():
        assert (event.onset, event.offset, event.event_label) in spans


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"classes": ("Bird",)}, "class 'Bird' is not known, expected some of"),
        ({"threshold": {"Bird": 0.5}}, "class 'Bird' is not known"),
        ({"threshold": 1.5}, "threshold is 1.5, expected 0 to below 1"),
        ({"threshold": {"Cat": -1}}, "threshold is -1"),
        ({"min_duration": -1}, "min_duration -1 s, expected 0 or more"),
        ({"merge_gap": float("nan")}, "merge_gap is nan"),
        ({"top": 0}, "top is 0"),
    ],
)
def test_what_cannot_be_wanted(wanted, message):
    with pytest.raises(DetectionError) as error:
        Wanted(**wanted).check(LABELS)
    assert message in str(error.value)


def test_thresholds_replace_those_that_were_tuned():
    tuned = np.array([0.1, 0.2, 0.3])
    assert Wanted().thresholds(tuned, LABELS) is tuned
    assert Wanted(threshold=0.4).thresholds(tuned, LABELS).tolist() == [0.4] * 3
    one = Wanted(threshold={"Dog": 0.7}).thresholds(tuned, LABELS)
    assert one.tolist() == [0.1, 0.7, 0.3]


def test_the_command_asks_the_same(
    detector, exported, sounds, tmp_path, capsys
):
    path = tmp_path / "a.wav"
    soundfile.write(path, sounds.noise(25.0), 16000)
    command = ["detect", str(path), "--model", str(exported[0])]

    def events(*options):
        assert main([*command, *options]) == 0
        printed = capsys.readouterr().out
        return pd.read_csv(io.StringIO(printed), sep="\t").dropna()

    everything = events("--threshold", "0")
    assert set(everything["event_label"]) == set(detector.labels)
    label = everything["event_label"].iloc[0]
    one = events("--threshold", "0", "--classes", label)
    assert set(one["event_label"]) == {label}
    none = events("--threshold", "0", "--threshold", f"{label}=0.999")
    assert set(none["event_label"]) == set(detector.labels) - {label}
    assert len(events("--threshold", "0", "--top", "2")) == 2
    found = detector.detect_file(
        path, wanted=Wanted((label,), 0.45, merge_gap=2.0, min_duration=0.3)
    )
    options = ["--merge-gap", "2", "--min-duration", ".3", "--classes", label]
    printed = events("--threshold", ".45", *options)
    assert printed["onset"].tolist() == pytest.approx(
        found.events["onset"].tolist()
    )
    assert {tag for tag, _ in found.tags} <= {label}
    assert set(found.parameters.thresholds) == {0.45}
    assert main([*command, "--classes", "Unicorn"]) == 2
    assert "class 'Unicorn' is not known" in capsys.readouterr().err
