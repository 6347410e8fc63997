"""Scores of every clip: encoders once, the decoder for each weight."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor
from speechbrain_mmsed.lobes.multi_encoder import MultiEncoder
from speechbrain_mmsed.lobes.transformer import (
    TransformerDecoder,
    TransformerEncoder,
)
from speechbrain_mmsed.nnet.fusion import split_remainder
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.scoring import (
    _weight_file,
    _write_scores,
    inference_weights,
    score_clips,
    score_run,
    shuffled_owners,
)

WIDTHS = {"first": 5, "second": 7}
SIZES = {"d_model": 8, "n_layers": 1, "n_heads": 2, "d_head": 4, "d_ffn": 16}
WEIGHTS = [0.25, 0.75, 1.0]
LABELS = ["Cat", "Dog", "Speech"]
AVAILABLE = [
    [True, True, True],
    [True, False, True],
    [True, False, False],
    [True, True, False],
    [True, False, False],
]


@pytest.fixture
def network():
    torch.manual_seed(0)
    sizes = {**SIZES, "n_positions": 8}
    network = MultiEncoder(
        ConvolutionalFeatureExtractor(
            n_mels=4,
            channels=(4, 8),
            kernel_sizes=((3, 3),) * 2,
            poolings=((2, 2), (1, 2)),
        ),
        lambda: TransformerEncoder(**sizes),
        lambda n_memories: TransformerDecoder(
            **{**sizes, "n_positions": 9}, n_memories=n_memories
        ),
        list(WIDTHS),
        WIDTHS,
        n_classes=3,
        d_model=8,
    )
    # Statistics of its own, so that train mode could be seen.
    network(*clips_as_tensors()[:2], fusion_weights=split_remainder(0.5, 3))
    return network.train()


def clips_as_tensors(n_clips=5):
    """log_mel, streams, available; garbage where a stream is missing."""
    generator = torch.Generator().manual_seed(1)
    log_mel = torch.randn(n_clips, 16, 4, generator=generator)
    streams = [
        torch.randn(n_clips, 8, width, generator=generator)
        for width in WIDTHS.values()
    ]
    return log_mel, streams, torch.tensor(AVAILABLE[:n_clips])


def batches(available=None, sizes=(2, 3)):
    log_mel, streams, found = clips_as_tensors()
    available = found if available is None else available
    start = 0
    for size in sizes:
        rows = slice(start, start + size)
        yield {
            "inputs": (
                log_mel[rows],
                [stream[rows] for stream in streams],
                available[rows],
            ),
            "filename": [f"{i}.wav" for i in range(start, start + size)],
            "video_status": ["present"] * size,
            "duration": torch.arange(start, start + size) + 1.0,
        }
        start += size


def inputs(batch):
    return batch["inputs"]


def test_scores_equal_a_slow_forward_of_each_clip(network):
    scores, clips = score_clips(network, batches(), WEIGHTS, inputs)
    assert list(scores) == WEIGHTS
    assert clips["filename"] == [f"{i}.wav" for i in range(5)]
    assert clips["available"].tolist() == AVAILABLE
    log_mel, streams, available = clips_as_tensors()
    network.eval()
    for weight, (clip, frame) in scores.items():
        assert clip.shape == (5, 3) and frame.shape == (5, 8, 3)
        assert clip.dtype == frame.dtype == np.float32
        for row in range(5):
            # By hand: the rest split over the streams that the clip has.
            raw = torch.tensor([weight] + [(1 - weight) / 2] * 2)
            raw = raw * available[row]
            one = slice(row, row + 1)
            with torch.no_grad():
                slow = network(
                    log_mel[one],
                    [stream[one] for stream in streams],
                    available[one],
                    raw / raw.sum(),
                )
            for ours, logits in zip((clip, frame), slow, strict=True):
                expected = torch.sigmoid(logits[0]).numpy()
                np.testing.assert_allclose(ours[row], expected, atol=1e-5)
    assert np.abs(scores[0.25][1][0] - scores[1.0][1][0]).max() > 1e-3


@pytest.mark.parametrize("weights", [[1.0], [0.25, 0.5, 0.75, 0.875, 1.0]])
def test_encoders_run_once_whatever_the_number_of_weights(network, weights):
    calls = dict.fromkeys(["extractor", "encoder", "decoder"], 0)

    def count(name):
        def hook(*args):
            calls[name] += 1

        return hook

    network.extractor.register_forward_hook(count("extractor"))
    network.encoders[0].register_forward_hook(count("encoder"))
    network.decoder.register_forward_hook(count("decoder"))
    score_clips(network, batches(), weights, inputs)
    assert calls == {"extractor": 2, "encoder": 2, "decoder": 2 * len(weights)}


def test_weight_one_equals_clips_without_streams(network):
    alone = torch.tensor([[True, False, False]] * 5)
    ignored, _ = score_clips(network, batches(), [1.0], inputs)
    absent, _ = score_clips(network, batches(alone), [0.25, 1.0], inputs)
    for weight in (0.25, 1.0):
        for ours, theirs in zip(ignored[1.0], absent[weight], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_weights_to_score_with():
    assert inference_weights(3, [0.75, 0.25]) == [0.25, 0.75, 1.0]
    assert inference_weights(2, [1.0, 0.5, 0.5]) == [0.5, 1.0]
    assert inference_weights(1, [0.25, 0.5]) == [1.0]


def test_files_hold_what_was_scored(network, tmp_path):
    writing = {"labels": LABELS, "frame_hop": 0.5}
    models = {"student": network}
    loaders = {"validation": list(batches()), "evaluation": list(batches())}
    score_run(models, loaders, WEIGHTS, inputs, str(tmp_path), **writing)
    scores, _ = score_clips(network, batches(), WEIGHTS, inputs)
    for subset in loaders:
        for weight in WEIGHTS:
            path = _weight_file(str(tmp_path / "student"), subset, weight)
            found = ClipScores.load(path)
            np.testing.assert_array_equal(found.clip, scores[weight][0])
            np.testing.assert_array_equal(found.frame, scores[weight][1])
            assert found.filenames == [f"{i}.wav" for i in range(5)]
            assert found.durations.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
            assert found.labels == LABELS
            assert found.frame_hop == 0.5
            # One of the further streams is enough.
            expected = [True, True, False, True, False]
            assert found.has_video.tolist() == expected
    assert len(list(tmp_path.rglob("*"))) == 3 + 2 * len(WEIGHTS)


class OnGpu(torch.Tensor):
    """Stands in for a tensor on a GPU, of which numpy can make nothing."""

    def __array__(self, *args):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


def test_durations_may_be_on_a_gpu(network, tmp_path):
    def moved():
        for batch in batches():
            batch["duration"] = batch["duration"].as_subclass(OnGpu)
            yield batch

    with pytest.raises(TypeError, match="cuda"):
        np.array(list(next(moved())["duration"]), dtype=np.float64)
    writing = {"labels": LABELS, "frame_hop": 0.5}
    loaders = {"evaluation": list(moved())}
    score_run({"a": network}, loaders, [1.0], inputs, str(tmp_path), **writing)
    found = ClipScores.load(
        _weight_file(str(tmp_path / "a"), "evaluation", 1.0)
    )
    assert found.durations.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_scores_of_an_earlier_network_are_no_candidates(network, tmp_path):
    writing = {"labels": LABELS, "frame_hop": 0.5}
    for weights in ([0.25, 1.0], [0.75, 1.0]):
        loaders = {"validation": list(batches())}
        models = {"student": network}
        score_run(models, loaders, weights, inputs, str(tmp_path), **writing)
    found = {path.name for path in tmp_path.rglob("*.npz")}
    assert found == {"weight_0.7500.npz", "weight_1.0000.npz"}


def test_audio_only_splits_by_what_the_corpus_has(tmp_path):
    clips = {
        "filename": ["a.wav", "b.wav", "c.wav"],
        "video_status": ["absent", "present", "unreadable: no picture track"],
        "duration": [10.0, 9.0, 8.0],
        "available": np.ones((3, 1), dtype=bool),
    }
    scores = {1.0: (np.zeros((3, 3)), np.zeros((3, 8, 3)))}
    _write_scores(tmp_path, "evaluation", scores, clips, LABELS, 0.5)
    found = ClipScores.load(_weight_file(tmp_path, "evaluation", 1.0))
    assert found.has_video.tolist() == [False, True, False]


class Store:
    """Stands in for a stored stream."""

    def __init__(self, available):
        self.available = available

    def status(self, clip_id):
        return "available" if self.available[clip_id] else "no film"


@settings(deadline=None, max_examples=30)
@given(
    streams=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12),
    seed=st.integers(0, 2**31),
)
def test_shuffled_streams_go_to_other_clips_that_have_the_same(streams, seed):
    available = {f"clip{i}": have for i, have in enumerate(streams)}
    stores = [Store({c: h[i] for c, h in available.items()}) for i in (0, 1)]
    owners = shuffled_owners(stores, available, seed)
    assert list(owners) == list(available)
    assert sorted(owners.values()) == sorted(available)
    for clip, owner in owners.items():
        assert available[clip] == available[owner]
        alone = streams.count(available[clip]) == 1
        assert (clip == owner) == alone
    assert owners == shuffled_owners(stores, available, seed)


def test_the_seed_decides_who_gets_what():
    available = {f"clip{i}": True for i in range(20)}
    stores = [Store(available)]
    one, two = (shuffled_owners(stores, available, seed) for seed in (1, 2))
    assert one != two
