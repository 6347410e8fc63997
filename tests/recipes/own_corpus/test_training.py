"""Whole trainings on corpora of one's own, of unusual shapes."""

import json

import pytest

from speechbrain_mmsed.inference import SoundEventDetector

SMALL = {
    "number_of_epochs": 1,
    "batches_per_epoch": 2,
    "batch_strong": 2,
    "d_model": 16,
    "d_head": 8,
    "d_ffn": 16,
    "cnn_channels": "[4, 4, 4, 4, 4, 4, 16]",
}


@pytest.fixture
def train(load_own, write_sound, tmp_path):
    """Makes six recordings and a table, and trains; the output folder."""

    def start(seconds, rate, channels, weak=False, **more):
        rows = ["filename\tonset\toffset\tevent_label"]
        for k in range(6):
            events = [(0.2 * seconds, 0.6 * seconds, 500 + 900 * (k % 2))]
            path = tmp_path / f"sounds/{k}.wav"
            write_sound(path, seconds, rate, channels, events, seed=k)
            times = "\t" if weak else f"{events[0][0]}\t{events[0][1]}"
            rows.append(f"{k}.wav\t{times}\t{('low, deep', 'high')[k % 2]}")
        (tmp_path / "t.tsv").write_text("\n".join(rows))
        recipe = load_own("train")
        arguments = [
            recipe.__file__.replace("train.py", "hparams/own_corpus.yaml")
        ]
        settings = {
            "data_folder": tmp_path / "sounds",
            "table": tmp_path / "t.tsv",
            "output_folder": tmp_path / "out",
            **SMALL,
            **more,
        }
        for key, value in settings.items():
            arguments += [f"--{key}", str(value)]
        recipe.main([*arguments, "--device", "cpu", "--noprogressbar"])
        return tmp_path / "out"

    return start


@pytest.mark.parametrize(
    ("shape", "settings", "frames"),
    [
        pytest.param(
            *((5.0, 44100, 2), {}, 32),
            marks=pytest.mark.slow,
        ),
        ((1.0, 8000, 1, True), {"batch_strong": 0, "batch_weak": 2}, 7),
        pytest.param(
            *((1.0, 8000, 1), {"architecture": "conformer"}, 7),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *((30.0, 8000, 1), {"clip_seconds": 30, "n_mels": 40}, 193),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["5s_44kHz_stereo", "1s_8kHz_weak_only", "1s_8kHz_conformer", "30s"],
)
def test_a_training_ends_with_a_detector(
    train, write_sound, capsys, tmp_path, request, shape, settings, frames
):
    if "slow" not in request.keywords:
        request.getfixturevalue("without_pictures")
    out = train(*shape, **settings)
    said = capsys.readouterr().out
    assert said.index("until it is evaluated") < said.index("Tuning and test")
    assert "detector (tried on " in said.splitlines()[-1]
    report = json.loads((out / "report.json").read_text())
    assert report["class_labels"] == ["high", "low, deep"]
    assert report["same_clips"]
    for name in ("report.md", "detector/README.md"):
        text = (out / name).read_text()
        assert "other clips will fare" in text or "same clips" in text
    weak = len(shape) == 4
    learnt = {"tags": "weak" if weak else "strong"}
    learnt["events"] = None if weak else "strong"
    assert report["metadata"]["learnt_from"] == learnt
    card = (out / "detector/README.md").read_text()
    assert ("Events were never learnt" in card) == weak
    for subset, is_there in (("strong", not weak), ("weak", weak)):
        manifest = json.loads(
            (out / f"prepared/manifests/{subset}.json").read_text()
        )
        assert (len(manifest) == 5) == is_there
    detector = SoundEventDetector.from_hparams(source=out / "detector")
    assert detector.hparams.n_frames == frames
    # Any rate and length: here some windows and a bit.
    length = 3.3 * shape[0]
    found = detector.detect_file(write_sound(tmp_path / "x.wav", length, 11025))
    assert not weak or found.events.empty
    n_frames = length / detector.frame_hop
    assert n_frames <= len(found.scores.frame) <= n_frames + 1
