"""Sizes that a yaml states twice."""

import pytest
import torch

from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor
from speechbrain_mmsed.lobes.frontend import LogMelFrontend
from speechbrain_mmsed.training.hparams import HparamsError, check_sizes


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
