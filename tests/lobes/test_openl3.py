"""OpenL3's image network against what is known of the original."""

import gzip
import os
import pathlib

import h5py
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from speechbrain_mmsed.dataio.media.frames import read_frames
from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.lobes.visual import OpenL3Embedder, WeightsError
from speechbrain_mmsed.lobes.visual.openl3 import cropped_bilinear

# (in, out) of the convolutions; where the batch normalisations stand.
WIDTHS = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)]
WIDTHS += [(256, 512), (512, 512)]


@pytest.fixture(scope="module")
def arrays():
    """Random weights by layer, in Keras' form and order."""
    random = np.random.default_rng(0)

    def norm(width):
        return [
            random.uniform(0.5, 1.5, width),
            random.normal(0, 0.3, width),
            random.normal(0, 0.3, width),
            random.uniform(0.5, 2.0, width),
        ]

    def conv(n_in, n_out):
        scale = (9 * n_in) ** -0.5
        kernel = random.normal(0, scale, (3, 3, n_in, n_out))
        return [kernel, random.normal(0, 0.1, n_out)]

    layers = [("input_norm", norm(3))]
    for k, (n_in, n_out) in enumerate(WIDTHS):
        layers.append((f"conv_{k}", conv(n_in, n_out)))
        if k < 7:
            layers.append((f"norm_{k}", norm(n_out)))
    return [
        (name, [np.asarray(a, np.float32) for a in group])
        for name, group in layers
    ]


def write_h5(path, arrays, under=None):
    """Keras' legacy format, with layers without weights in between."""
    kinds = {4: ("gamma", "beta", "moving_mean", "moving_variance")}
    kinds[2] = ("kernel", "bias")
    with h5py.File(path, "w") as file:
        group = file.create_group(under) if under else file
        names = []
        for name, weights in arrays:
            layer = group.create_group(name)
            full = [f"{name}/{kind}:0" for kind in kinds[len(weights)]]
            for key, value in zip(full, weights, strict=True):
                layer[key] = value
            layer.attrs["weight_names"] = np.array(full, dtype="S")
            group.create_group(f"{name}_relu").attrs["weight_names"] = []
            names += [name, f"{name}_relu"]
        group.attrs["layer_names"] = np.array(names, dtype="S")
    return str(path)


@pytest.fixture(scope="module")
def weights(arrays, tmp_path_factory):
    return write_h5(tmp_path_factory.mktemp("h5") / "openl3.h5", arrays)


def slow_network(arrays, pictures):
    """Layer by layer in float64, (N, H, W, 3) -> (N, 512, 28, 28)."""
    arrays = {
        name: [torch.from_numpy(a).double() for a in group]
        for name, group in arrays
    }

    def conv(x, k):
        kernel, bias = arrays[f"conv_{k}"]
        return F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=1)

    def norm(x, name):
        gamma, beta, mean, variance = (a.view(-1, 1, 1) for a in arrays[name])
        return (x - mean) / torch.sqrt(variance + 0.001) * gamma + beta

    x = torch.as_tensor(pictures).double().permute(0, 3, 1, 2)
    x = norm(x, "input_norm")
    x = F.relu(norm(conv(x, 0), "norm_0"))
    x = norm(F.relu(conv(x, 1)), "norm_1")  # the odd one
    x = F.max_pool2d(x, 2)
    for k in (2, 4):
        x = F.relu(norm(conv(x, k), f"norm_{k}"))
        x = F.relu(norm(conv(x, k + 1), f"norm_{k + 1}"))
        x = F.max_pool2d(x, 2)
    x = F.relu(norm(conv(x, 6), "norm_6"))
    return conv(x, 7)


@pytest.fixture(scope="module")
def slow_outputs(arrays):
    """A picture, and what comes out by width."""
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 224, 224, 3))
    maps = slow_network(arrays, picture)
    outputs = {
        width: F.max_pool2d(maps, pool).permute(0, 2, 3, 1).flatten(1).numpy()
        for width, pool in ((512, 28), (8192, 7))
    }
    return torch.from_numpy(picture).float().permute(0, 3, 1, 2), outputs


@pytest.mark.parametrize(
    "width, under, fold",
    [(512, None, False), (512, None, True), (8192, "model_weights", True)],
)
def test_equals_the_layers_one_by_one(
    tmp_path, arrays, slow_outputs, width, under, fold
):
    picture, outputs = slow_outputs
    path = write_h5(tmp_path / "a.h5", arrays, under)
    embedder = OpenL3Embedder(path, width, fold=fold)
    with torch.inference_mode():
        found = embedder(picture).numpy()
    assert found.shape == (1, embedder.width) == outputs[width].shape
    np.testing.assert_allclose(found, outputs[width], atol=1e-4)
    assert found.std() > 0.05


@pytest.mark.parametrize("width", [512, 8192])
def test_parity_with_keras(shared_folder, width):
    folder = shared_folder / "openl3_parity"
    inputs = np.random.default_rng(1).uniform(-1, 1, (8, 224, 224, 3))[:3]
    expected = np.load(folder / f"keras_out_{width}.npy")[:3]
    embedder = OpenL3Embedder(folder / "openl3_image_legacy.h5", width)
    inputs = torch.from_numpy(inputs.astype("float32")).permute(0, 3, 1, 2)
    with torch.inference_mode():
        found = embedder(inputs).numpy()
    assert np.abs(found - expected).max() <= 1e-4


@pytest.fixture
def official_weights():
    """The official openl3_image_linear_env.h5, packed or not."""
    path = os.environ.get("MMSED_OPENL3_WEIGHTS")
    if not path:
        pytest.skip("MMSED_OPENL3_WEIGHTS does not name the official weights")
    return path


# Decoders of JPEG and H.264 differ by a grey level here and there.
GOLDEN = {"rtol": 0.02, "atol": 0.02}


def test_golden_output_of_a_picture(shared_folder, official_weights):
    import av

    folder = shared_folder / "openl3_parity"
    with av.open(str(folder / "daisy.jpg")) as file:
        picture = next(file.decode(video=0)).to_ndarray(format="rgb24")
    embedder = OpenL3Embedder(official_weights, 512, "original")
    found = FrameEmbedding(embedder, precision="fp32")(
        embedder.reduce(picture)[None]
    )
    expected = np.load(folder / "daisy_linear.npz")["embedding"]
    np.testing.assert_allclose(found, expected, **GOLDEN)


def test_golden_output_of_a_film(shared_folder, official_weights):
    """The original's command line embeds each picture, here ten a second."""
    golden = np.load(shared_folder / "openl3_parity/bento_image_linear.npz")
    film = shared_folder / "videos" / "openl3_video_bento.mp4"
    embedder = OpenL3Embedder(official_weights, 512, "video")
    frames, covered = read_frames(
        film,
        golden["timestamps"] + 0.05,
        embedder.frame_size,
        embedder.reduce,
    )
    assert covered.all()
    found = FrameEmbedding(embedder, precision="fp32")(frames)
    np.testing.assert_allclose(found, golden["embedding"], **GOLDEN)


@pytest.mark.parametrize("shape", [(480, 640), (257, 900), (100, 80)])
def test_the_resized_square_is_torchs(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    scale = 256 / min(shape)
    size = [round(side * scale) for side in shape]
    whole = F.interpolate(
        torch.from_numpy(picture).permute(2, 0, 1)[None].double(),
        size,
        mode="bilinear",
        antialias=False,
    )[0].permute(1, 2, 0)
    top, left = ((side - 224) // 2 for side in size)
    expected = whole[top : top + 224, left : left + 224].numpy()
    found = cropped_bilinear(picture, 256, 224)
    assert found.shape == (224, 224, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-2)


def noise(height, width):
    random = np.random.default_rng(0)
    return random.integers(0, 201, (height, width, 3), np.uint8)


def prepared(embedder, *pictures):
    reduced = np.stack([embedder.reduce(picture) for picture in pictures])
    return embedder.preprocess(torch.from_numpy(reduced)).permute(0, 2, 3, 1)


def test_preprocessing_by_name(weights):
    dim, bright = noise(300, 400) // 2, noise(300, 400)
    squares = [cropped_bilinear(p, 256, 224) for p in (dim, bright)]
    largest = max(square.max() for square in squares)
    for name, scale in (("resize", 255.0), ("batch_max", largest)):
        embedder = OpenL3Embedder(weights, preprocessing=name)
        assert embedder.frame_size is None
        found = prepared(embedder, dim, bright)
        np.testing.assert_allclose(found, np.stack(squares) / scale, atol=1e-5)
    video = OpenL3Embedder(weights, preprocessing="video")
    assert video.frame_size == (256, 256)
    squeezed = [noise(256, 256) // 2, noise(256, 256)]
    expected = np.stack(squeezed)[:, 16:240, 16:240] / squeezed[1].max()
    np.testing.assert_allclose(prepared(video, *squeezed), expected, atol=1e-5)
    exact = OpenL3Embedder(weights, preprocessing="exact")
    assert exact.frame_size == (224, 224)
    picture = noise(224, 224)
    np.testing.assert_allclose(
        prepared(exact, picture)[0], picture / 127.5 - 1, atol=1e-5
    )


def test_the_originals_three_ways_by_size(weights):
    embedder = OpenL3Embedder(weights, preprocessing="original")
    picture = noise(224, 224)
    found = prepared(embedder, picture)[0]
    np.testing.assert_allclose(found, picture / 127.5 - 1, atol=1e-5)
    # Also where only one side is 224: a frequent size of films.
    for height, width, top, left in (
        (240, 250, 8, 13),
        (224, 398, 0, 87),
        (400, 256, 88, 16),
    ):
        picture = noise(height, width)
        found = prepared(embedder, picture)[0]
        square = picture[top : top + 224, left : left + 224]
        np.testing.assert_allclose(found, square / square.max(), atol=1e-5)
    for height, width in ((257, 300), (144, 176)):
        picture = noise(height, width)
        found = prepared(embedder, picture)[0]
        resized = cropped_bilinear(picture, 256, 224) / 255
        np.testing.assert_allclose(found, resized, atol=1e-5)
    black = np.zeros((240, 250, 3), np.uint8)
    assert (prepared(embedder, black) == 0).all()


def test_the_largest_value_is_the_clips_not_the_batchs(weights):
    """Whatever the batch size of the extraction."""
    embedder = OpenL3Embedder(weights, preprocessing="batch_max")
    pictures = np.stack([noise(224, 224) // 2, noise(224, 224)])
    pictures = pictures.astype(np.float32)
    whole = FrameEmbedding(embedder, precision="fp32")(pictures)
    parts = FrameEmbedding(embedder, precision="fp32", batch_size=1)
    np.testing.assert_allclose(parts(pictures), whole, atol=1e-4)


def test_weights_may_stay_packed(tmp_path, weights):
    """As they are published; the same weights have the same fingerprint."""
    content = pathlib.Path(weights).read_bytes()
    for name in ("a.h5.gz", "renamed.h5"):
        (tmp_path / name).write_bytes(gzip.compress(content, 1))
        plain, packed = (
            OpenL3Embedder(path) for path in (weights, tmp_path / name)
        )
        hashes = [e.description()["weights_sha256"] for e in (plain, packed)]
        assert hashes[0] == hashes[1]
        pairs = zip(plain.parameters(), packed.parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    packed = (tmp_path / "a.h5.gz").read_bytes()
    (tmp_path / "half.h5.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(WeightsError, match=r"half.h5.gz cannot be read"):
        OpenL3Embedder(tmp_path / "half.h5.gz")


def test_files_that_are_no_such_network(tmp_path, arrays):
    with pytest.raises(WeightsError, match=r"gone.h5.*github.*CC BY 4.0"):
        OpenL3Embedder(tmp_path / "gone.h5")
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(WeightsError, match=r"text.h5 cannot be read"):
        OpenL3Embedder(tmp_path / "text.h5")
    with h5py.File(tmp_path / "newer.h5", "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros(3)
    with pytest.raises(WeightsError, match="layer_names.*model_weights"):
        OpenL3Embedder(tmp_path / "newer.h5")
    path = write_h5(tmp_path / "less.h5", arrays[:-1])
    with pytest.raises(WeightsError, match="15 layers.*16"):
        OpenL3Embedder(path)
    odd = [*arrays[:-1], ("conv_7", [arrays[-1][1][0][..., :9], np.ones(9)])]
    path = write_h5(tmp_path / "odd.h5", odd)
    with pytest.raises(WeightsError, match=r"conv_7.*\(9, 512, 3, 3\)"):
        OpenL3Embedder(path)
    with pytest.raises(ValueError, match="embedding_size"):
        OpenL3Embedder(path, 6144)
    with pytest.raises(ValueError, match="preprocessing"):
        OpenL3Embedder(path, preprocessing="crop")
