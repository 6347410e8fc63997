"""What is exported before a run is evaluated, and the trial at the end."""

import json

import pytest

from speechbrain_mmsed.inference import DetectionError, SoundEventDetector


@pytest.mark.parametrize(
    ("settings", "weight"),
    [
        ({}, 1.0),
        ({"streams": ["colour"]}, 0.75),
        ({"streams": ["colour"], "more": ", fusion: gated"}, "gated"),
        (
            {
                "streams": ["colour", "levels"],
                "more": ", validation_weight: "
                "{sound: 0.5, colour: 0.3, levels: 0.2}",
            },
            (0.5, 0.3, 0.2),
        ),
    ],
)
def test_a_run_that_is_not_evaluated_has_a_detector(
    export, sounds, tmp_path, settings, weight, capsys
):
    export(tmp_path, tuned=False, try_on="not read", **settings)
    assert "(thresholds of 0.5 until it is evaluated)" in capsys.readouterr()[0]
    detector = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    assert detector.primary_weight == weight
    assert "Not evaluated yet" in detector.card
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(12.0))
    found = detector.detect_file(path, primary_weight=1.0)
    above = found.scores.frame > 0.5
    assert above.any() == (len(found.events) > 0)
    seconds = (found.events["offset"] - found.events["onset"]).sum()
    # An event ends with the recording, which may be within a frame.
    frames = above.sum() * detector.frame_hop
    assert frames - 3 * detector.frame_hop <= seconds <= frames + 1e-6


def test_the_folder_is_tried_on_a_clip(export, sounds, tmp_path, capsys):
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(12.0))
    row = {"wav": str(path), "filename": "a.wav"}
    manifest = tmp_path / "validation.json"
    manifest.write_text(json.dumps({"validation/a": row}))
    export(tmp_path, try_on=manifest)
    detector = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    n_events = len(detector.detect_file(path).events)
    assert f"(tried on a.wav: {n_events} events)" in capsys.readouterr()[0]
    path.unlink()
    with pytest.raises(DetectionError, match="a.wav"):
        export(tmp_path, try_on=manifest)
    # A folder that does not work is there, to be looked at.
    assert (tmp_path / "detector/network.ckpt").is_file()
