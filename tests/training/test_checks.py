"""Sizes that a yaml states twice, and values that stand for nothing."""

import pathlib
import re

import pytest
import ruamel.yaml
import torch

from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor
from speechbrain_mmsed.lobes.frontend import LogMelFrontend
from speechbrain_mmsed.training import checks
from speechbrain_mmsed.training.checks import (
    NEEDED,
    RULES,
    check_run,
    check_values,
)
from speechbrain_mmsed.training.hparams import HparamsError, check_sizes

RECIPES = pathlib.Path(__file__).resolve().parents[2] / "recipes/DESED"
# A weight in several forms; the resident corpus has more to say of it.
ELSEWHERE = {"fusion", "validation_weight", "modality_dropout"}


@pytest.fixture
def hparams():
    """Settings that fit: 16 log-mel frames become 8."""
    return {
        "class_labels": ["Cat", "Dog"],
        "n_classes": 2,
        "sample_rate": 1000,
        "clip_seconds": 0.32,
        "n_frames": 8,
        "frame_hop": 2 * 20 / 1000,
        "time_pooling": 2,
        "streams": ["pictures"],
        "stream_widths": {"pictures": 5, "others": 7},
        "inference_weights": [0.25, 1.0],
        "validation_weight": 0.5,
        "frontend": LogMelFrontend(
            sample_rate=1000,
            n_fft=64,
            win_length=64,
            hop_length=20,
            n_mels=4,
            n_frames=16,
            f_max=500.0,
            clip_seconds=0.32,
        ),
        "extractor": ConvolutionalFeatureExtractor(
            n_mels=4,
            channels=(4, 8),
            kernel_sizes=((3, 3),) * 2,
            poolings=((2, 2), (1, 2)),
        ),
    }


def test_frames_that_leave_out_the_end_are_refused(hparams):
    # 16 log-mel frames at a hop of 10 ms are 0.16 of 0.32 s.
    frontend = hparams["frontend"].settings() | {"hop_length": 10}
    hparams |= {"frontend": LogMelFrontend(**frontend), "frame_hop": 0.02}
    message = "n_frames is 8, but .* 0.32 s are 16: set n_frames: 16"
    with pytest.raises(HparamsError, match=message):
        check_sizes(hparams)


@pytest.mark.parametrize("training", [True, False])
def test_sizes_that_fit_pass_and_leave_no_trace(hparams, training):
    extractor = hparams["extractor"].train(training)
    before = {k: v.clone() for k, v in extractor.state_dict().items()}
    check_sizes(hparams)
    assert extractor.training == training
    for name, value in extractor.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_classes": 3}, "n_classes is 3, but class_labels has 2"),
        ({"class_labels": ["Cat", "Cat"]}, r"2 labels \(1 different\)"),
        ({"sample_rate": 16000}, "sample_rate is 16000.* made for 1000"),
        ({"inference_weights": [0.5, 0.0]}, r"weight 0.0 .* in \(0, 1\]"),
        ({"inference_weights": [1.5]}, "weight 1.5"),
        ({"validation_weight": -0.5}, "weight -0.5"),
        ({"n_frames": 64}, "n_frames is 64, but .* 8 frames .* 0.32 s"),
        ({"time_pooling": 8}, "time_pooling is 8, but .* pools 2"),
    ],
)
def test_sizes_that_do_not_fit_are_named(hparams, changes, message):
    with pytest.raises(HparamsError, match=f"^yaml: .*{message}"):
        check_sizes({**hparams, **changes})


@pytest.mark.parametrize(
    "yaml",
    ["sound_event_detection/hparams/transformer.yaml", "hparams/extract.yaml"],
)
def test_every_number_and_switch_of_a_yaml_has_a_rule(yaml):
    tree = ruamel.yaml.YAML().load(RECIPES / yaml)
    plain = {k for k, v in tree.items() if isinstance(v, int | float)}
    ruled = {key for _, _, *keys in RULES for key in keys}
    assert plain - ruled <= ELSEWHERE
    values = {k: v for k, v in tree.items() if getattr(v, "tag", None) is None}
    check_values(values)
    for key in plain - ELSEWHERE:
        for wrong in ("some", [1], -1.5, float("nan")):
            with pytest.raises(HparamsError, match=f"{key} is "):
                check_values({**values, key: wrong})


class Some(dict):
    """Settings of which the others are null."""

    def __missing__(self, key):
        return None

    def __or__(self, more):
        return Some({**self, **more})


def test_a_run_that_cannot_begin_or_end(tmp_path, monkeypatch):
    folders = ("output_folder", "save_folder", "scores_folder")
    hparams = Some({key: str(tmp_path / "run" / key) for key in folders})
    hparams["batch_sizes"] = [0, 2]
    told = []
    check_run(hparams, {"device": "cpu"}, "yaml", told.append)
    assert told == ["yaml"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(HparamsError, match="--device cuda:77 cannot be used"):
        check_run(hparams, {"device": "cuda:77"}, "")
    with pytest.raises(HparamsError, match="nothing to train on"):
        check_run(hparams | {"batch_sizes": [0, 0]}, {}, "")
    monkeypatch.setenv("WORLD_SIZE", "2")
    divided = hparams | {"divide_batches": True}
    check_run(divided, {"device": "cpu"}, "")
    with pytest.raises(HparamsError, match=r"\[0, 3\] clips .* 2 processes"):
        check_run(divided | {"batch_sizes": [0, 3]}, {}, "")
    with pytest.raises(KeyError, match="batch_sizes"):
        check_run({}, {}, "")


def test_whatever_a_training_reads_is_needed_at_its_start():
    files = [*pathlib.Path(checks.__file__).parent.glob("*.py")]
    files += [RECIPES / "sound_event_detection/train.py"]
    found = set()
    for path in files:
        asked = r'hparams\["(\w+)"\]|self\.hparams\.(\w+)'
        for pair in re.findall(asked, path.read_text()):
            found |= set(filter(None, pair))
    # Read at the start as well, by `check_sizes` and the device's check.
    early = {"extractor", "inference_weights", "n_classes", "sample_rate"}
    early |= {"time_pooling", "validation_weight", "variant_of"}
    optional = {"divide_batches"}
    assert found - early - optional == set(NEEDED)
