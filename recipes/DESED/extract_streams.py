#!/usr/bin/env python3
"""Streams of a corpus: features of its films and sounds.

By pretrained networks for pictures and for sound.

> python extract_streams.py hparams/extract.yaml --data_folder D \
    --prepared_folder P --streams '[openl3]'

Prepares the corpus if P is not prepared, then writes one folder for each of
`streams` under `streams_folder`. It may be interrupted and started again,
and several may work on one corpus: start the same command once per GPU
or machine, `torchrun --nproc_per_node=N` and job arrays included.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import sys
import tempfile

import speechbrain as sb
import torch
from desed_dcase2020 import KINDS
from desed_prepare import prepare_desed
from stream_choice import (
    build_embedder,
    embedder_recipe,
    split_streams,
)
from stream_claims import Claims
from stream_extraction import StreamExtraction
from stream_import import StreamImport
from stream_report import report_table
from unchanged import checked_report

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.dataio.corpus.preparation_report import WANTED_FILE
from speechbrain_mmsed.dataio.streams.embedding import placed
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.dataio.streams.store import StreamStore, pack_stream
from speechbrain_mmsed.files import run_program
from speechbrain_mmsed.training.checks import check_device, check_values
from speechbrain_mmsed.training.hparams import (
    check_keys,
    print_help,
    read_hparams,
)

IMPORT_KEYS = ("kind", "rate", "offset", "method")


def extract(hparams, device):
    """Makes the chosen streams and prints what became of the clips."""
    check_keys(hparams["imported"], IMPORT_KEYS, "imported", "extract.yaml")
    clips = corpus_clips(hparams)
    check_case(clips, hparams["streams_folder"])
    computed, imported = split_streams(hparams["streams"])
    settings = {
        "n_frames": hparams["n_frames"],
        "clip_seconds": hparams["clip_seconds"],
        "min_coverage": hparams["min_coverage"],
    }
    reports = {}
    if computed:
        reports = compute(computed, clips, hparams, settings, device)
    for stream, source in imported.items():
        reports[stream] = StreamImport(
            source,
            hparams["streams_folder"],
            stream,
            **settings,
            **hparams["imported"],
        ).run(clips)
    wanted = os.path.join(hparams["prepared_folder"], WANTED_FILE)
    if not reports:  # preparation alone
        print(f"No streams asked for. Films that are missing: {wanted}")
        return
    print(report_table(reports))
    print(f"Films that are missing, for a download program: {wanted}")
    finish(reports, clips, hparams)


def check_case(clips, folder):
    """Stops where the features of two clips would be one file."""
    names = {}
    for clip in clips:
        other = names.setdefault(clip.casefold(), clip)
        if other != clip and ignores_case(folder):
            raise StreamError(
                f"{folder}: the features of {other} and {clip} would be one "
                "file, as names there are the same in upper and lower case: "
                "choose a streams_folder on another disk, or rename a clip"
            )


def ignores_case(folder):
    """Whether a folder's disk takes names in upper and lower case as one."""
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="a") as file:
        path, name = os.path.split(file.name)
        return os.path.exists(os.path.join(path, name.swapcase()))


def corpus_clips(hparams):
    """All clips of the corpus, prepared if they are not: id -> its row."""
    prepared = hparams["prepared_folder"]
    # Of several processes one prepares, and the others wait for it.
    with Claims(prepared) as claims, claims.waiting("preparation"):
        if os.path.isfile(os.path.join(prepared, "prepare_report.json")):
            checked_report(prepared)
        else:
            prepare_desed(
                hparams["data_folder"],
                prepared,
                hparams["class_labels"],
                subsets=hparams["subset_paths"],
                layout=hparams["layout"],
                clip_seconds=hparams["clip_seconds"],
                expected_counts=hparams["expected_counts"],
                max_missing_fraction=hparams["max_missing_fraction"],
                video_layout=hparams["video_layout"],
                probe_film=hparams["probe_film"],
            )
    clips = {}
    for subset in KINDS:
        path = os.path.join(prepared, "manifests", f"{subset}.json")
        clips.update(read_manifest(path))
    return clips


def compute(streams, clips, hparams, settings, device):
    """Makes streams from films and sounds: stream name -> StreamReport."""
    known = hparams["embedders"], hparams["weights_folder"]
    embeddings = {
        stream: placed(
            build_embedder(network, *known),
            device,
            hparams["sample_rate"],
            precision=hparams["precision"],
            batch_size=hparams["batch_size"],
            channels_last=hparams["channels_last"],
        )
        for stream, network in streams.items()
    }
    recipes = {s: embedder_recipe(n, *known) for s, n in streams.items()}
    extraction = StreamExtraction(
        embeddings,
        hparams["streams_folder"],
        **settings,
        workers=hparams["workers"],
        made_from=streams,
        recipes=recipes,
    )
    reports = extraction.run(clips)
    spent = extraction.seconds
    work = max(spent["reading"] + spent["network"], 1e-9)
    print(
        f"{spent['all']:.1f} s on {extraction.workers} threads, "
        f"{100 * spent['reading'] / work:.0f} % of their work was reading "
        f"files"
    )
    return reports


def finish(streams, clips, hparams):
    """Packs the streams if asked to, and says how to train with them."""
    folder = hparams["streams_folder"]
    stores = [StreamStore(folder, stream) for stream in streams]
    if hparams["pack"]:
        for store in stores:
            pack_stream(store, clips, progress=True)
    widths = [f"{s.stream}: {s.description()['width']}" for s in stores]
    print(
        f"To train with them: --streams '[{', '.join(streams)}]' "
        f"--stream_widths '{{{', '.join(widths)}}}'"
    )
    print(f"Streams: {os.path.abspath(folder)}")


def local_device():
    """The GPU of this process, or the CPU.

    `torchrun` numbers the processes of a machine in LOCAL_RANK.
    """
    if not torch.cuda.is_available():
        return "cpu"
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    return f"cuda:{rank % torch.cuda.device_count()}"


def main(arguments):
    """Reads the yaml and extracts."""
    print_help(arguments, __file__, "hparams/extract.yaml")
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    hparams, _ = read_hparams(hparams_file, overrides)
    device = run_opts.get("device") or local_device()
    for key in ("imported", "pack", "subset_paths", "expected_counts"):
        hparams[key]  # one that is missing stops here, not after hours
    check_values(hparams)
    check_device(device)
    extract(hparams, device)


if __name__ == "__main__":
    run_program("extract_streams.py", main, sys.argv[1:])
