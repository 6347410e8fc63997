#!/usr/bin/env python3
"""Streams of a corpus: features of its films by pretrained image networks.

> python extract_visual.py hparams/extract.yaml --data_folder D \
    --prepared_folder P --streams '[openl3]'

Prepares the corpus if P is not prepared, then writes one folder for each of
`streams` under `streams_folder`. It may be interrupted and started again,
and several may work on one corpus: start the same command as often as there
are GPUs or machines, `torchrun --nproc_per_node=N` and job arrays included.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import os
import sys

import speechbrain as sb
import torch
from desed_prepare import KINDS, prepare_desed

from speechbrain_mmsed.dataio.corpus.preparation import (
    WANTED_FILE,
    PrepareError,
)
from speechbrain_mmsed.dataio.corpus.tables import AnnotationError
from speechbrain_mmsed.dataio.streams.choice import (
    build_embedder,
    embedder_recipe,
    split_streams,
)
from speechbrain_mmsed.dataio.streams.claims import Claims
from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.dataio.streams.extraction import StreamExtraction
from speechbrain_mmsed.dataio.streams.extraction_report import report_table
from speechbrain_mmsed.dataio.streams.importing import StreamImport
from speechbrain_mmsed.dataio.streams.pack import pack_stream
from speechbrain_mmsed.dataio.streams.reading import StreamError, StreamStore
from speechbrain_mmsed.files import DiskFullError
from speechbrain_mmsed.lobes.visual import WeightsError
from speechbrain_mmsed.training.hparams import (
    HparamsError,
    check_keys,
    read_hparams,
)

IMPORT_KEYS = ("rate", "offset", "method")

# Whose message says all that a user needs.
CLEAR_ERRORS = (
    AnnotationError,
    DiskFullError,
    HparamsError,
    PrepareError,
    StreamError,
    WeightsError,
)


def corpus_clips(hparams):
    """All clips of the corpus, prepared if they are not.

    Arguments
    ---------
    hparams : dict
        Content of the yaml.

    Returns
    -------
    dict
        clip_id -> row of its manifest.
    """
    prepared = hparams["prepared_folder"]
    # Of several processes one prepares, and the others wait for it.
    with Claims(prepared) as claims, claims.waiting("preparation"):
        if not os.path.isfile(os.path.join(prepared, "prepare_report.json")):
            prepare_desed(
                hparams["data_folder"],
                prepared,
                hparams["class_labels"],
                subsets=hparams["subset_paths"],
                clip_seconds=hparams["clip_seconds"],
                expected_counts=hparams["expected_counts"],
                max_missing_fraction=hparams["max_missing_fraction"],
                video_layout=hparams["video_layout"],
            )
    clips = {}
    for subset in KINDS:
        path = os.path.join(prepared, "manifests", f"{subset}.json")
        with open(path, encoding="utf-8") as file:
            clips.update(json.load(file))
    return clips


def build_embeddings(streams, hparams, device):
    """Builds the chosen networks, and no others.

    Arguments
    ---------
    streams : dict
        Name of a stream -> its network, as from `split_streams`.
    hparams : dict
        Content of the yaml.
    device : str
        Where to compute.

    Returns
    -------
    dict
        Stream name -> FrameEmbedding.
    """
    return {
        stream: FrameEmbedding(
            build_embedder(
                network, hparams["embedders"], hparams["weights_folder"]
            ),
            device=device,
            precision=hparams["precision"],
            batch_size=hparams["batch_size"],
            channels_last=hparams["channels_last"],
        )
        for stream, network in streams.items()
    }


def compute(streams, clips, hparams, device):
    """Makes streams from the films.

    Arguments
    ---------
    streams : dict
        Name of a stream -> its network.
    clips : dict
        clip_id -> row of its manifest.
    hparams : dict
        Content of the yaml.
    device : str
        Where to compute.

    Returns
    -------
    dict
        Stream name -> StreamReport.
    """
    extraction = StreamExtraction(
        build_embeddings(streams, hparams, device),
        hparams["streams_folder"],
        n_frames=hparams["n_frames"],
        clip_seconds=hparams["clip_seconds"],
        min_coverage=hparams["min_coverage"],
        workers=hparams["workers"],
        made_from=streams,
        recipes={
            stream: embedder_recipe(
                network, hparams["embedders"], hparams["weights_folder"]
            )
            for stream, network in streams.items()
        },
    )
    reports = extraction.run(clips)
    spent = extraction.seconds
    work = max(spent["reading"] + spent["network"], 1e-9)
    print(
        f"{spent['all']:.1f} s on {extraction.workers.number} threads, "
        f"{100 * spent['reading'] / work:.0f} % of their work was reading "
        f"films"
    )
    return reports


def extract(hparams, device):
    """Makes the chosen streams and prints what became of the clips.

    Arguments
    ---------
    hparams : dict
        Content of the yaml.
    device : str
        Where to compute.
    """
    check_keys(hparams["imported"], IMPORT_KEYS, "imported", "extract.yaml")
    clips = corpus_clips(hparams)
    computed, imported = split_streams(hparams["streams"])
    folder = hparams["streams_folder"]
    reports = compute(computed, clips, hparams, device) if computed else {}
    for stream, source in imported.items():
        reports[stream] = StreamImport(
            source,
            folder,
            stream,
            n_frames=hparams["n_frames"],
            clip_seconds=hparams["clip_seconds"],
            min_coverage=hparams["min_coverage"],
            **hparams["imported"],
        ).run(clips)
    wanted = os.path.join(hparams["prepared_folder"], WANTED_FILE)
    if not reports:  # preparation alone
        print(f"No streams asked for. Films that lack: {wanted}")
        return
    print(report_table(reports))
    print(f"Films that lack, for a download program: {wanted}")
    stores = {stream: StreamStore(folder, stream) for stream in reports}
    if hparams["pack"]:
        for store in stores.values():
            pack_stream(store, clips, progress=True)
    widths = {s: store.description()["width"] for s, store in stores.items()}
    pairs = ", ".join(f"{stream}: {width}" for stream, width in widths.items())
    print(
        f"To train with them: --streams '[{', '.join(widths)}]' "
        f"--stream_widths '{{{pairs}}}'"
    )
    print(f"Streams: {os.path.abspath(folder)}")


def local_device():
    """The GPU of this process, or the CPU.

    Returns
    -------
    str
        `torchrun` numbers the processes of a machine in LOCAL_RANK.
    """
    if not torch.cuda.is_available():
        return "cpu"
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    return f"cuda:{rank % torch.cuda.device_count()}"


if __name__ == "__main__":
    hparams_file, run_opts, overrides = sb.parse_arguments(sys.argv[1:])
    try:
        hparams, _ = read_hparams(hparams_file, overrides)
        extract(hparams, run_opts.get("device") or local_device())
    except CLEAR_ERRORS as error:
        sys.exit(f"extract_visual.py: {error}")
