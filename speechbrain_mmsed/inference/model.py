"""An exported folder, loaded: the network, and what its outputs mean.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import json
import os

import numpy as np
from speechbrain.inference.interfaces import Pretrained
from speechbrain.utils.fetching import fetch

from speechbrain_mmsed.inference.embedders import StreamEmbedders
from speechbrain_mmsed.inference.errors import DetectionError
from speechbrain_mmsed.inference.events import read_parameters
from speechbrain_mmsed.inference.results import FileScores
from speechbrain_mmsed.inference.scoring import WindowScorer
from speechbrain_mmsed.inference.streams import StreamSetup
from speechbrain_mmsed.inference.weights import load_weights
from speechbrain_mmsed.inference.windows import WindowCutter
from speechbrain_mmsed.postprocessing.decode import frames_inside


class ExportedModel(Pretrained):
    """Front end and network of an exported folder, on windows of sound.

    Arguments
    ---------
    postprocessing : dict
        "primary_weight", and "parameters": metric -> thresholds and windows,
        as plain values.
    descriptions : list of dict
        What made the features of each stream in training.
    card : str
        Text of the model card.
    **kwargs : dict
        As for `Pretrained`.
    """

    HPARAMS_NEEDED = [
        *("labels", "frame_hop", "sample_rate", "clip_seconds", "n_frames"),
        *("streams", "stream_widths", "embedders", "min_video_coverage"),
        *("margin_frames", "shortest_hop", "peak_floor", "use_logmel_cache"),
    ]
    MODULES_NEEDED = ["network", "frontend"]

    def __init__(self, *args, postprocessing, descriptions, card="", **kwargs):
        super().__init__(*args, **kwargs)
        values = self.hparams
        self.labels = list(values.labels)
        self.frame_hop = float(values.frame_hop)
        self.sample_rate = int(values.sample_rate)
        self.streams = list(values.streams)
        self.card = card
        self.parameters = read_parameters(postprocessing["parameters"])
        self.metrics = list(self.parameters)
        self.primary_weight = float(postprocessing["primary_weight"])
        self.embedders = StreamEmbedders(
            descriptions, values.embedders, self.device
        )
        self.setup = StreamSetup(
            self.streams,
            [values.stream_widths[name] for name in self.streams],
            self.embedders,
            values.n_frames,
            values.clip_seconds,
            values.min_video_coverage,
        )
        self.scorer = WindowScorer(
            self.mods.network,
            self.mods.frontend,
            self.device,
            half=values.use_logmel_cache,
        )

    @classmethod
    def from_hparams(
        cls,
        source,
        hparams_file="hyperparams.yaml",
        savedir=None,
        model="student",
        remote=False,
        **kwargs,
    ):
        """Loads an exported folder; a local one needs no network.

        Nothing is run but what the folder's yaml names.

        Arguments
        ---------
        source : str or pathlib.Path
            The folder; if `remote`, whatever SpeechBrain's `fetch` takes.
        hparams_file : str
            Name of the yaml in it.
        savedir : str or None
            Where remote files are kept; a local folder needs none.
        model : str
            "student", or "teacher" if it was exported.
        remote : bool
            Whether the source may be elsewhere, for instance the name of a
            HuggingFace repository. Without it a mistyped folder asks nobody.
        **kwargs : dict
            As for SpeechBrain's `Pretrained.from_hparams`, for instance
            run_opts={"device": "cpu"} or overrides={"weights_folder": ...}.

        Returns
        -------
        SoundEventDetector

        Raises
        ------
        DetectionError
            If something is missing in the folder or does not fit.
        """
        source = os.fspath(source)
        get = functools.partial(fetch, source=source, savedir=savedir)
        yaml = os.path.join(source, hparams_file)
        if not remote and not os.path.isfile(yaml):
            raise DetectionError(
                f"{source} is no detector folder: there is no {hparams_file} "
                f"in it; expected the folder `detector` that training writes "
                f"into its output folder (from Python, remote=True allows "
                f"the name of a HuggingFace repository)"
            )
        postprocessing = _read_json(get("postprocessing.json"))
        if model not in postprocessing:
            raise DetectionError(
                f"model is {model!r}, expected one of those in {source}: "
                f"{', '.join(postprocessing)}"
            )
        detector = super().from_hparams(
            source,
            hparams_file,
            savedir=savedir,
            postprocessing=postprocessing[model],
            descriptions=_read_json(get("streams.json")),
            card=_read_text(get("README.md")),
            **kwargs,
        )
        if model != "student":
            load_weights(detector.mods.network, get(f"{model}.ckpt"))
        return detector

    def new_cutter(self):
        """A WindowCutter for one recording."""
        return WindowCutter(
            self.sample_rate,
            self.mods.frontend.n_samples,
            self.hparams.n_frames,
            round(self.frame_hop * self.sample_rate),
            self.hparams.margin_frames,
            self.hparams.shortest_hop,
            self.hparams.peak_floor,
        )

    def score_windows(self, windows, weight=None):
        """Scores of windows of sound.

        Arguments
        ---------
        windows : list of (Window, features, available) or Window
            Without features and availability: sound only.
        weight : float or None
            Weight of the sound; None: what was chosen on validation data.

        Returns
        -------
        clip : numpy.ndarray
            (B, C) float32.
        frame : numpy.ndarray
            (B, T, C) float32.
        """
        missing = self.setup.missing()
        alone = (missing, [True] + [False] * len(missing))
        items = [
            item if isinstance(item, tuple) else (item, *alone)
            for item in windows
        ]
        windows, features, available = zip(*items, strict=True)
        return self.scorer(
            [window.waveform for window in windows],
            features,
            available,
            self.checked_weight(weight),
        )

    def checked_weight(self, weight):
        """A weight of the sound, or the one chosen on validation data."""
        if weight is None:
            return self.primary_weight
        if not 0 < weight <= 1:
            raise DetectionError(
                f"primary_weight is {weight}, expected a number above 0 and "
                f"at most 1: the weight of the sound"
            )
        return float(weight)

    def make_scores(
        self, filename, rows, clip, duration, streams, first_frame=0
    ):
        """FileScores of some frames; those past the end are put apart."""
        past = first_frame + len(rows)
        inside = frames_inside([duration], past, self.frame_hop)[0]
        n_frames = inside[first_frame:].sum()
        return FileScores(
            filename=filename,
            labels=list(self.labels),
            frame=rows[:n_frames],
            clip=np.zeros(len(self.labels)) if clip is None else clip,
            frame_hop=self.frame_hop,
            duration=duration,
            streams=streams,
            first_frame=first_frame,
            beyond=rows[n_frames:],
        )


def _read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _read_json(path):
    try:
        return json.loads(_read_text(path))
    except FileNotFoundError:
        raise DetectionError(
            f"{path} does not exist; a detector folder has it: export the "
            f"run again by repeating its training command"
        ) from None
    except ValueError as error:
        raise DetectionError(f"{path} is no JSON: {error}") from error
