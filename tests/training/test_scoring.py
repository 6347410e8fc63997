"""Scores of every clip: encoders once, the decoder for each weight."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
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
from speechbrain_mmsed.nnet.fusion import fusion_weights
from speechbrain_mmsed.nnet.fusion_settings import GatedFusion
from speechbrain_mmsed.nnet.gate import FusionGate
from speechbrain_mmsed.postprocessing.scores import (
    ClipScores,
    ignored_streams,
    score_file,
)
from speechbrain_mmsed.training.controls import (
    shuffled_controls,
    shuffled_owners,
)
from speechbrain_mmsed.training.scoring import (
    ScoreWriter,
    encode_batches,
    inference_weights,
)
from speechbrain_mmsed.training.scoring import score_clips as score_encoded

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


def build(gate=None):
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
        gate=gate,
    )
    # Statistics of its own, so that train mode could be seen.
    network(*clips_as_tensors()[:2], fusion_weights=fusion_weights(0.5, 3))
    return network.train()


@pytest.fixture
def network():
    return build()


def score_clips(network, batches, weights, inputs):
    """Scores at each weight; 1 ignores the further streams."""
    encoded = encode_batches(network, batches, inputs)
    variants = {w: (w, [1, 2] if w == 1 else []) for w in weights}
    scores, clips = score_encoded(network, encoded, variants)
    return {w: parts[:2] for w, parts in scores.items()}, clips


def write(network, folder, weights=(0.25, 0.75), kinds=("film",) * 2, **more):
    """What ScoreWriter returns for two subsets."""
    more = {"labels": LABELS, "frame_hop": 0.5, **more}
    writer = ScoreWriter(str(folder), candidates=weights, **more)
    subsets = {"validation": list(batches()), "evaluation": list(batches())}
    stores = [
        SimpleNamespace(stream=name, kind=kind)
        for name, kind in zip(WIDTHS, kinds, strict=True)
    ]
    return writer({"student": network}, subsets, inputs, stores)


def files(folder):
    return {path.name for path in folder.iterdir()}


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
    streams = list(WIDTHS)
    assert inference_weights(streams, [0.75, 0.25]) == [0.25, 0.75]
    assert inference_weights(["first"], [1.0, 0.5, 0.5]) == [0.5, 1.0]
    assert inference_weights([], [0.25, 0.5]) == [1.0]
    named = [
        {"second": 0.125, "sound": 0.5, "first": 0.375},
        {"sound": 0.5, "first": 0.25, "second": 0.25},
        0.5,
    ]
    found = inference_weights(streams, named)
    assert found == [0.5, (0.5, 0.375, 0.125)]
    assert inference_weights(streams, [0.5], GatedFusion()) == ["gated"]
    assert inference_weights(streams, "search") == ["search"]
    assert inference_weights([], "search") == [1.0]


def test_files_hold_what_was_scored(network, tmp_path):
    assert write(network, tmp_path) == {"student": [0.25, 0.75]}
    scores, _ = score_clips(network, batches(), WEIGHTS, inputs)
    for subset in ("validation", "evaluation"):
        for weight in WEIGHTS:
            path = tmp_path / "student" / subset / score_file(weight)
            found = ClipScores.load(path)
            np.testing.assert_array_equal(found.clip, scores[weight][0])
            np.testing.assert_array_equal(found.frame, scores[weight][1])
            assert found.filenames == [f"{i}.wav" for i in range(5)]
            assert found.durations.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
            assert found.labels == LABELS
            assert found.frame_hop == 0.5
            # One of the further streams is enough, if they are films.
            expected = [True, True, False, True, False]
            assert found.has_video.tolist() == expected
    assert files(tmp_path / "student/validation") == {
        score_file(weight) for weight in WEIGHTS
    }


def test_a_sound_embedding_is_no_video(network, tmp_path):
    write(network, tmp_path, kinds=("film", "sound"))
    folder = tmp_path / "student/evaluation"
    assert files(folder) == {
        *(score_file(weight) for weight in WEIGHTS),
        *(score_file(w, s) for w in (0.25, 0.75) for s in ("video", "second")),
    }
    log_mel, streams, available = clips_as_tensors()
    network.eval()
    for name, column in (("video", 1), ("second", 2)):
        found = ClipScores.load(folder / score_file(0.25, name))
        # Table 7's split goes by films alone.
        assert found.has_video.tolist() == [True, False, False, True, False]
        left = available.clone()
        left[:, column] = False
        with torch.no_grad():
            clip, _ = network(log_mel, streams, left, fusion_weights(0.25, 3))
        np.testing.assert_allclose(
            found.clip, clip.sigmoid().numpy(), atol=1e-6
        )


def test_films_that_are_missing_are_not_made_up_for_by_sound(tmp_path):
    """Films [1 0 1 0 0 1], and an embedding that every clip has."""
    kinds = {"films": "film", "yamnet": "sound"}
    have = np.array([[1, film, 1] for film in (1, 0, 1, 0, 0, 1)], bool)
    clips = {"filename": list("abcdef"), "duration": [1.0] * 6}
    clips |= {"available": have, "video_status": ["absent"] * 6}
    writer = ScoreWriter(str(tmp_path), LABELS, 0.5, [0.5])
    parts = np.zeros((6, 3)), np.zeros((6, 8, 3)), have
    scores = writer._clip_scores(parts, clips, list(kinds.values()))
    assert scores.has_video.tolist() == [True, False, True, False, False, True]
    left_out = ignored_streams(list(kinds), list(kinds.values()), 0.5)
    assert left_out == {
        "video": (0.5, "video", [1]),
        "yamnet": (0.5, "yamnet", [2]),
    }


def test_a_gate_weighs_each_clip_and_says_how(tmp_path):
    network = build(FusionGate)
    torch.nn.init.normal_(network.gate.output.weight)
    more = {"kinds": ("film", "sound"), "fusion": GatedFusion()}
    assert write(network, tmp_path, **more) == {"student": ["gated"]}
    folder = tmp_path / "student/evaluation"
    scores = ClipScores.load(folder / "weight_gated.npz")
    log_mel, streams, available = clips_as_tensors()
    network.eval()
    with torch.no_grad():
        encoded = network.encode(log_mel, streams, available)
        expected = network.gate_weights(encoded).numpy()
        clip, _ = network(log_mel, streams, available)
    np.testing.assert_allclose(scores.clip, clip.sigmoid().numpy(), atol=1e-6)
    table = pd.read_csv(folder / "fusion_weights.csv")
    assert list(table) == ["filename", "sound", *WIDTHS]
    assert table["filename"].tolist() == [f"{i}.wav" for i in range(5)]
    np.testing.assert_allclose(table.iloc[:, 1:], expected, atol=6e-5)
    assert (folder / "weight_gated_without_video.npz").is_file()


def test_a_search_runs_the_encoders_once(network, tmp_path):
    calls = []
    network.encoders[0].register_forward_hook(lambda *a: calls.append(1))
    tried = [(0.5, 0.5, 0.0), 0.75, (0.25, 0.25, 0.5)]

    def search(score, n_streams):
        assert n_streams == 3
        return {weight: score(weight) for weight in tried}

    found = write(network, tmp_path, "search", search=search)
    assert found == {"student": [tried[-1]]}
    assert len(calls) == 2 * 2  # two batches of two subsets
    expected = {score_file(weight) for weight in (*tried, 1.0)}
    assert files(tmp_path / "student/validation") == expected
    expected = {score_file(tried[-1]), score_file(1.0)}
    expected |= {score_file(tried[-1], name) for name in WIDTHS}
    assert files(tmp_path / "student/evaluation") == expected


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
    writer = ScoreWriter(str(tmp_path), LABELS, 0.5, [0.5])
    writer({"a": network}, {"evaluation": list(moved())}, inputs)
    found = ClipScores.load(tmp_path / "a/evaluation/weight_1.0000.npz")
    assert found.durations.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_scores_of_an_earlier_network_are_no_candidates(network, tmp_path):
    for weights in ([0.25], [0.75]):
        write(network, tmp_path, weights)
    found = files(tmp_path / "student/validation")
    assert found == {"weight_0.7500.npz", "weight_1.0000.npz"}


def test_audio_only_splits_by_what_the_corpus_has(tmp_path):
    clips = {
        "filename": ["a.wav", "b.wav", "c.wav"],
        "video_status": ["absent", "present", "unreadable: no picture track"],
        "duration": [10.0, 9.0, 8.0],
        "available": np.ones((3, 1), dtype=bool),
    }
    parts = np.zeros((3, 3)), np.zeros((3, 8, 3)), np.ones((3, 1))
    writer = ScoreWriter(str(tmp_path), LABELS, 0.5, [0.5])
    found = writer._clip_scores(parts, clips, [])
    assert found.has_video.tolist() == [False, True, False]


class Store:
    """Stands in for a stored stream."""

    def __init__(self, available, stream="films"):
        self.available, self.stream = available, stream

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


def test_streams_are_dealt_out_together_and_one_by_one():
    some = {f"clip{i}": i % 2 == 0 for i in range(20)}
    every = dict.fromkeys(some, True)
    stores = [Store(some), Store(every, "yamnet")]
    controls = shuffled_controls(stores, some, seed=1)
    assert {n: list(c) for n, c in controls.items()} == {
        "shuffled_streams": ["films", "yamnet"],
        "shuffled_films": ["films"],
        "shuffled_yamnet": ["yamnet"],
    }
    alone = controls["shuffled_yamnet"]["yamnet"]
    # The embedding goes to clips with films and without alike.
    assert any(some[clip] != some[owner] for clip, owner in alone.items())
    assert list(shuffled_controls(stores[:1], some, 1)) == ["shuffled_streams"]
    assert shuffled_controls([], some, 1) == {}
