#!/usr/bin/env python3
r"""How fast streams are extracted, against the loop one would write first.

The loop decodes a film, embeds the 64 pictures of its clip one after the
other in float32 and goes on to the next film; its network is as published.
Ours is `StreamExtraction` with its default settings. Both run in turns, and
medians and ratios are printed, with the cosine between the features. Next to
the ratio of elapsed times stands that of processor times, which other
programs on the machine disturb less; threads that wait for each other count
in it. On a busy machine set OMP_NUM_THREADS=1: both sides then compute on one
thread, which leaves ours without its gain from several processors.

> python recipes/DESED/benchmarks/extraction_speed.py --films 8 --repeats 3
> python recipes/DESED/benchmarks/extraction_speed.py --film_folder VIDEOS
> python recipes/DESED/benchmarks/extraction_speed.py --network openl3 \
    --weights openl3_image_mel256_env.h5 --films 1

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import contextlib
import functools
import pathlib
import resource
import statistics
import tempfile
import time

import numpy as np
import torch
from stream_choice import build_embedder
from stream_extraction import StreamExtraction

from speechbrain_mmsed.dataio.media.frames import (
    MediaError,
    grid_times,
    probe_video,
    read_frames,
)
from speechbrain_mmsed.dataio.streams.embedding import (
    FrameEmbedding,
    cosines,
    distinct_frames,
)
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.lobes.visual import (
    EfficientNetLite0Embedder,
    OpenL3Embedder,
    ResNet50Embedder,
    TemporallyCoherentEmbedder,
    VGG16Embedder,
)


def write_film(path, seed, size, still=False, seconds=10, rate=25):
    """Writes a film of blobs that wander over noise, or of one still."""
    import av

    height, width = size
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height // 8, width // 8 + 80, 3))
    noise = np.kron(noise, np.ones((8, 8, 1))).astype(np.uint8)
    with av.open(str(path), "w") as container:
        track = container.add_stream("libx264", rate=rate)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        track.options = {"preset": "veryfast"}
        for index in range(seconds * rate):
            shift = 0 if still else index * 2
            picture = np.ascontiguousarray(noise[:, shift : shift + width])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode())


def plain_loop(paths, embedder, times):
    """One picture after the other, in float32."""
    results, reading = [], 0.0
    with torch.inference_mode():
        for path in paths:
            begin = time.perf_counter()
            frames, _ = read_frames(
                path, times, embedder.frame_size, embedder.reduce
            )
            reading += time.perf_counter() - begin
            rows = [
                embedder(embedder.preprocess(torch.from_numpy(frame[None])))
                for frame in frames
            ]
            results.append(torch.cat(rows).numpy())
    return results, reading


def ours(paths, embedding, folder):
    """The extraction of the package, into an empty folder."""
    clips = {
        f"weak/{index}": {
            "video": str(path),
            "video_status": "present",
            # Films that are shorter than a clip are benchmarked, too.
            "duration": probe_video(path).duration,
        }
        for index, path in enumerate(paths)
    }
    extraction = StreamExtraction({"stream": embedding}, folder)
    extraction.run(clips, progress=False)
    store = StreamStore(folder, "stream")
    return [store.read(clip) for clip in clips], extraction.seconds


@contextlib.contextmanager
def measured(elapsed, processor):
    """Appends the seconds that a block takes."""
    begin, work = time.perf_counter(), time.process_time()
    yield
    elapsed.append(time.perf_counter() - begin)
    processor.append(time.process_time() - work)


def usable(paths, times):
    """Films that yield pictures, and the share of distinct ones."""
    good, shares = [], []
    for path in paths:
        try:
            frames, _ = read_frames(path, times, 64)
        except MediaError as error:
            print(f"left out: {error}")
            continue
        good.append(path)
        shares.append(len(distinct_frames(frames)[0]) / len(times))
    return good, statistics.mean(shares)


def build(network, weights, image_size, fast):
    """The network: as published for the loop, as we run it for us."""
    if network == "efficientnet_lite0":
        return EfficientNetLite0Embedder(image_size, fold=fast)
    if network == "openl3":
        return OpenL3Embedder(weights, fold=fast)
    others = {
        "resnet50": functools.partial(ResNet50Embedder, weights),
        "tce": functools.partial(TemporallyCoherentEmbedder, weights),
        "vgg16": functools.partial(VGG16Embedder, weights),
    }
    return build_embedder(network, others, weights)


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--film_folder", type=pathlib.Path)
    parser.add_argument("--films", type=int, default=8)
    parser.add_argument("--stills", type=int, default=0)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--network", default="efficientnet_lite0")
    parser.add_argument(
        "--weights", default="weights", help="file; for timm, folder"
    )
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--precision", default="auto", help="of ours")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    times = grid_times()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        size = (args.height // 16 * 16, args.height * 16 // 9 // 16 * 16)
        if args.film_folder is None:
            for index in range(args.films):
                still = index < args.stills
                write_film(folder / f"{index}.mp4", index, size, still)
        paths = sorted((args.film_folder or folder).glob("*.*"))
        paths, distinct = usable(paths[: args.films], times)
        settings = (args.network, args.weights, args.image_size)
        slow = build(*settings, fast=False).eval()
        fast = FrameEmbedding(
            build(*settings, fast=True), precision=args.precision
        )
        spans = {"loop": [], "ours": []}
        processor = {"loop": [], "ours": []}
        shares = {"loop": [], "ours": []}
        for repeat in range(args.repeats):
            with measured(spans["loop"], processor["loop"]):
                expected, reading = plain_loop(paths, slow, times)
            shares["loop"].append(reading / spans["loop"][-1])
            with measured(spans["ours"], processor["ours"]):
                found, seconds = ours(paths, fast, folder / f"run{repeat}")
            work = seconds["reading"] + seconds["network"]
            shares["ours"].append(seconds["reading"] / work)
    cosine = np.concatenate(list(map(cosines, expected, found)))
    print(
        f"{args.network}, {len(paths)} clips of 64 pictures, "
        f"{100 * distinct:.0f} % of the pictures distinct, "
        f"{torch.get_num_threads()} threads, {args.repeats} turns, ours in "
        f"{fast.precision}"
    )
    for title, values in spans.items():
        print(
            f"{title}: {statistics.median(values) / len(paths):7.3f} s per "
            f"clip (median), {100 * statistics.median(shares[title]):.0f} % "
            f"of the work is reading films"
        )
    for title, values in (("elapsed", spans), ("processor", processor)):
        ratios = [a / b for a, b in zip(*values.values(), strict=True)]
        print(
            f"ratio of {title} times: {statistics.median(ratios):.2f} "
            f"(median; {min(ratios):.2f} to {max(ratios):.2f})"
        )
    print(f"cosine: {cosine.min():.6f} at least, mean {cosine.mean():.6f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
