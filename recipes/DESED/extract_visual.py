#!/usr/bin/env python3
"""Streams of a corpus: features of its films by pretrained image networks.

> python extract_visual.py hparams/extract.yaml --data_folder D \
    --prepared_folder P

Prepares the corpus if P is not prepared, then writes one folder for each of
`streams` under `streams_folder`. It may be interrupted and started again.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import os
import sys

import speechbrain as sb
import torch
from desed_prepare import KINDS, prepare_desed

from speechbrain_mmsed.dataio.embedding import FrameEmbedding
from speechbrain_mmsed.dataio.extraction import StreamExtraction
from speechbrain_mmsed.dataio.extraction_report import report_table
from speechbrain_mmsed.dataio.preparation_checks import PrepareError
from speechbrain_mmsed.dataio.streams import StreamError
from speechbrain_mmsed.dataio.tables import AnnotationError
from speechbrain_mmsed.files import DiskFullError
from speechbrain_mmsed.training.hparams import HparamsError, read_hparams

# Whose message says all that a user needs.
CLEAR_ERRORS = (
    AnnotationError,
    DiskFullError,
    HparamsError,
    PrepareError,
    StreamError,
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
    if not os.path.isfile(os.path.join(prepared, "prepare_report.json")):
        prepare_desed(
            hparams["data_folder"],
            prepared,
            hparams["class_labels"],
            subsets=hparams["subset_paths"],
            clip_seconds=hparams["clip_seconds"],
            expected_counts=hparams["expected_counts"],
            max_missing_fraction=hparams["max_missing_fraction"],
        )
    clips = {}
    for subset in KINDS:
        path = os.path.join(prepared, "manifests", f"{subset}.json")
        with open(path, encoding="utf-8") as file:
            clips.update(json.load(file))
    return clips


def build_embeddings(hparams, device):
    """Builds the chosen networks, and no others.

    Arguments
    ---------
    hparams : dict
        Content of the yaml.
    device : str
        Where to compute.

    Returns
    -------
    dict
        Stream name -> FrameEmbedding.
    """
    unknown = sorted(set(hparams["streams"]) - set(hparams["embedders"]))
    if unknown:
        raise StreamError(
            f"Unknown streams {unknown}: `embedders` in the yaml has "
            f"{sorted(hparams['embedders'])}"
        )
    return {
        stream: FrameEmbedding(
            hparams["embedders"][stream](),
            device=device,
            precision=hparams["precision"],
            batch_size=hparams["batch_size"],
            channels_last=hparams["channels_last"],
        )
        for stream in hparams["streams"]
    }


def extract(hparams, device):
    """Extracts the chosen streams and prints what became of the clips.

    Arguments
    ---------
    hparams : dict
        Content of the yaml.
    device : str
        Where to compute.
    """
    clips = corpus_clips(hparams)
    extraction = StreamExtraction(
        build_embeddings(hparams, device),
        hparams["streams_folder"],
        n_frames=hparams["n_frames"],
        clip_seconds=hparams["clip_seconds"],
        min_coverage=hparams["min_coverage"],
        read_ahead=hparams["read_ahead"],
    )
    reports = extraction.run(clips)
    print(report_table(reports))
    spent = extraction.seconds
    print(
        f"{spent['all']:.1f} s, of which the networks took "
        f"{spent['network']:.1f} s; reading films took {spent['reading']:.1f}"
        f" s, side by side with them"
    )
    print(f"Streams: {os.path.abspath(hparams['streams_folder'])}")


if __name__ == "__main__":
    hparams_file, run_opts, overrides = sb.parse_arguments(sys.argv[1:])
    fallback = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        hparams, _ = read_hparams(hparams_file, overrides)
        extract(hparams, run_opts.get("device") or fallback)
    except CLEAR_ERRORS as error:
        sys.exit(f"extract_visual.py: {error}")
