"""The convolutional extractor against plain torch layers."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor


def plain_layers(extractor):
    """Table 3 read aloud, with the extractor's weights."""
    layers = []
    for stack in extractor.stacks:
        layers += [stack.convolution, stack.norm, nn.ReLU()]
        layers.append(nn.AvgPool2d(stack.pooling))
    return nn.Sequential(*layers)


@pytest.mark.parametrize("training", [True, False])
def test_paper_size_equals_plain_layers(training):
    extractor = ConvolutionalFeatureExtractor(dropout=0.0).train(training)
    log_mel = torch.randn(1, 64, 64)
    with torch.no_grad():
        found = extractor(log_mel)
        expected = plain_layers(extractor)(log_mel[:, None])
    assert found.shape == (1, 8, 128)
    assert extractor.width == 128 and extractor.time_reduction == 8
    assert_close(found, expected[..., 0].transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_dropout_keeps_the_expectation():
    torch.manual_seed(0)
    extractor = ConvolutionalFeatureExtractor(
        n_mels=2,
        channels=(4,),
        kernel_sizes=((1, 1),),
        poolings=((1, 2),),
        dropout=0.5,
    )
    log_mel = torch.randn(64, 128, 2)
    dropped = extractor(log_mel)
    extractor.stacks[0].dropout.eval()
    kept = extractor(log_mel)
    # The factor is the stack's: undo it where nothing was dropped.
    ratio = dropped.mean(dim=(0, 1)) / kept.mean(dim=(0, 1))
    assert_close(ratio, torch.ones(4), rtol=0.05, atol=0)


def test_momentum_is_the_share_of_the_new_value():
    extractor = ConvolutionalFeatureExtractor(bn_momentum=0.25)
    momenta = {m.momentum for m in extractor.modules() if hasattr(m, "eps")}
    assert momenta == {0.25}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"poolings": ((2, 2),) * 3 + ((1, 2),) * 4}, "divide .* by 128"),
        ({"poolings": ((1, 2),) * 5 + ((1, 1),) * 2}, "end at one bin"),
        ({"n_mels": 128}, "128 mel bins do not end at one bin"),
        ({"channels": (16, 32)}, "each stack needs one of each"),
        ({"kernel_sizes": ((3, 4),) * 7}, "odd ones only"),
    ],
)
def test_wrong_lists_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionalFeatureExtractor(**settings)


def test_wrong_shapes_are_named():
    extractor = ConvolutionalFeatureExtractor()
    with pytest.raises(ValueError, match=r"\(2, 512, 40\), expected"):
        extractor(torch.randn(2, 512, 40))
    with pytest.raises(ValueError, match="510 frames, expected a multiple"):
        extractor(torch.randn(2, 510, 64))
