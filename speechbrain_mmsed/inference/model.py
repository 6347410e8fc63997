"""An exported folder, loaded: the network, and what its outputs mean.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import os
import pathlib

import numpy as np
import torch
from speechbrain.inference.interfaces import Pretrained
from speechbrain.utils.fetching import fetch

import speechbrain_mmsed
from speechbrain_mmsed.inference.ensemble import (
    MEMBERS,
    average_windows,
    load_ensemble,
)
from speechbrain_mmsed.inference.results import DetectionError, FileScores
from speechbrain_mmsed.inference.scoring import Stitcher
from speechbrain_mmsed.inference.streams import StreamSetup
from speechbrain_mmsed.inference.trust import check_files, refuse_code
from speechbrain_mmsed.inference.weights import (
    AGAIN,
    StreamEmbedders,
    building,
    load_weights,
    read_json,
    tuned_parameters,
)
from speechbrain_mmsed.inference.windows import WindowCutter
from speechbrain_mmsed.nnet.fusion import FixedFusion, clip_weights
from speechbrain_mmsed.postprocessing.box_parameters import BoxParameters
from speechbrain_mmsed.postprocessing.decode import frames_inside
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import GATED


class ExportedModel(Pretrained):
    """Front end and network of an exported folder, on windows of sound."""

    HPARAMS_NEEDED = [
        *("labels", "frame_hop", "sample_rate", "clip_seconds", "n_frames"),
        *("streams", "stream_widths", "embedders", "min_video_coverage"),
        *("margin_frames", "shortest_hop", "peak_floor", "use_logmel_cache"),
    ]
    MODULES_NEEDED = ["network", "frontend"]
    # With others of these files results are others.
    FILES = (
        *("hyperparams.yaml", "postprocessing.json", "network.ckpt"),
        *("frontend.ckpt", "streams.json"),
    )
    # Whether a recording's tags have the scores of its frames.
    TAGS_OF_FRAMES = False
    # Those whose scores an ensemble averages; its own network is not used.
    members = ()

    def __init__(
        self, *args, folder, postprocessing, descriptions, card="", **kwargs
    ):
        super().__init__(*args, **kwargs)
        values = self.hparams
        self.labels = list(values.labels)
        self.frame_hop = float(values.frame_hop)
        self.sample_rate = int(values.sample_rate)
        self.streams = list(values.streams)
        self.card, self.folder = card, folder
        self.files = [os.path.join(folder, name) for name in self.FILES]
        self.parameters = tuned_parameters(
            ClassParameters, postprocessing["parameters"], self.labels
        )
        # Folders of earlier versions have no boxes.
        self.boxes = tuned_parameters(
            BoxParameters, postprocessing.get("boxes", {}), self.labels
        )
        self.postprocessing = postprocessing.get("default", "median")
        # A number, one for each stream, or GATED; None: each member's own.
        weight = postprocessing["primary_weight"]
        self.primary_weight = tuple(weight) if type(weight) is list else weight
        self.embedders = StreamEmbedders(
            *(descriptions, values.embedders, self.device, self.sample_rate)
        )
        self.kinds = {n: self.embedders.kind(n) for n in self.streams}
        self.setup = StreamSetup(
            self.streams,
            [values.stream_widths[name] for name in self.streams],
            self.embedders,
            values.n_frames,
            values.clip_seconds,
            values.min_video_coverage,
        )

    @classmethod
    def from_hparams(
        cls,
        source,
        hparams_file="hyperparams.yaml",
        savedir=None,
        model=None,
        remote=False,
        trust=False,
        **kwargs,
    ):
        """Loads an exported folder; a local one needs no network.

        Its files must have the hashes of its files.json, and its yaml may
        build nothing but networks of this package.

        Arguments
        ---------
        source : str or pathlib.Path
            The folder; if `remote`, whatever SpeechBrain's `fetch` takes.
        hparams_file : str
            Name of the yaml in it.
        savedir : str or None
            Where remote files are kept; a local folder needs none.
        model : str or None
            "student", or "teacher" if it was exported; None: the first one of
            the folder, which is the student but for ensembles of teachers.
        remote : bool
            Whether the source may be elsewhere, for instance the name of a
            HuggingFace repository. Without it a mistyped folder asks nobody.
        trust : bool
            Whether the yaml may build and run whatever it names, which is
            as much as the person who wrote it could do at this keyboard; a
            detector with an embedder of one's own needs it.
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
        if os.path.isdir(os.path.join(source, MEMBERS)):
            return load_ensemble(cls, source, model, trust=trust, **kwargs)
        get = functools.partial(fetch, source=source, savedir=savedir)
        yaml = os.path.join(source, hparams_file)
        if not remote and not os.path.isfile(yaml):
            raise DetectionError(
                f"{source} is no detector folder: there is no {hparams_file} "
                f"in it; expected the folder `detector` that training writes "
                f"into its output folder (from Python, remote=True allows "
                f"the name of a HuggingFace repository)"
            )
        check_files(get)
        yaml = get(hparams_file)
        if not trust:
            refuse_code(yaml)
        # From here on the files that were looked at, wherever they are from.
        get = pathlib.Path(yaml).parent.joinpath
        postprocessing = read_json(get("postprocessing.json"))
        model = model or next(iter(postprocessing), None)
        if model not in postprocessing:
            raise DetectionError(
                f"model is {model!r}, expected one of those in {source}: "
                f"{', '.join(postprocessing)}"
            )
        version = speechbrain_mmsed.__version__
        with building(
            f"{yaml} does not build a detector",
            ". If another version of speechbrain_mmsed wrote it (this is "
            f"{version}), {AGAIN}",
        ):
            detector = super().from_hparams(
                os.fspath(get()),
                hparams_file,
                savedir=savedir,
                folder=source,
                postprocessing=postprocessing[model],
                descriptions=read_json(get("streams.json"), list),
                card=get("README.md").read_text(encoding="utf-8"),
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

    def new_stitcher(self):
        """A Stitcher for one recording."""
        return Stitcher(len(self.labels), self.TAGS_OF_FRAMES)

    @torch.inference_mode()
    def score_windows(self, items, weight=None):
        """(B, C) and (B, T, C) float32 probabilities of clips and frames.

        Each of the B items is a Window and what `RecordingStreams.window`
        gives for it. Without a weight of the sound it is the one that was
        chosen on validation data; the rest is split equally.
        """
        if self.members:
            return average_windows(self, items, weight)
        windows, features, available = zip(*items, strict=True)
        waveforms = self._tensor([window.waveform for window in windows])
        streams = [self._tensor(s) for s in zip(*features, strict=True)]
        available = torch.tensor(available, device=self.device)
        weight, weights = self.checked_weight(weight), None
        if weight != GATED:
            weights = clip_weights(FixedFusion(weight), available)
        frontend = self.mods.frontend
        log_mel = frontend.log_mel(waveforms)
        if self.hparams.use_logmel_cache:
            # Training read it in half precision from a cache.
            log_mel = log_mel.half().float()
        outputs = self.mods.network(
            frontend.standardise(log_mel), streams, available, weights
        )
        scores = [logits.float().sigmoid().cpu().numpy() for logits in outputs]
        if not all(np.isfinite(score).all() for score in scores):
            raise DetectionError(
                "the network gives NaN, for sound without any: its weights "
                f"are damaged. Copy the detector's folder again, or {AGAIN}"
            )
        return tuple(scores)

    def _tensor(self, arrays):
        """Arrays of one shape as a batch on the device."""
        return torch.from_numpy(np.stack(arrays)).to(self.device)

    def checked_weight(self, weight):
        """A weight of the sound, or the one chosen on validation data."""
        if weight is None or weight == self.primary_weight:
            return self.primary_weight
        if not 0 < weight <= 1:
            raise DetectionError(
                f"primary_weight is {weight}, expected a number above 0 and "
                f"at most 1: the weight of the sound"
            )
        return float(weight)

    def tuned(self, metric, postprocessing=None):
        """Class- or BoxParameters that make events, or a DetectionError.

        `postprocessing` is "median" or "boxes"; None: the detector's own.
        """
        found = {"median": self.parameters, "boxes": self.boxes}
        chosen = postprocessing or self.postprocessing
        if chosen not in found:
            raise DetectionError(
                f"postprocessing is {chosen!r}, expected one of "
                f"{', '.join(found)}"
            )
        if not found[chosen]:
            raise DetectionError(
                f"{self.folder} has no {chosen}: none were tuned when it was "
                f"exported; repeat the training's command with "
                f"--postprocessing both, which evaluates and exports it again, "
                f"or take postprocessing median"
            )
        usable = [
            name
            for name, values in found[chosen].items()
            if values.thresholds is not None and values.windows is not None
        ]
        if metric not in usable:
            raise DetectionError(
                f"metric is {metric!r}, expected one whose thresholds and "
                f"windows make events: {', '.join(usable) or 'none is there'}"
            )
        return found[chosen][metric]

    def make_scores(
        self, filename, rows, clip, duration, streams, first_frame=0
    ):
        """FileScores of some frames; those past the end are put apart."""
        past = first_frame + len(rows)
        inside = frames_inside([duration], past, self.frame_hop)[0]
        n_frames = inside[first_frame:].sum()
        return FileScores(
            *(filename, list(self.labels), rows[:n_frames], clip),
            *(self.frame_hop, duration, streams, first_frame),
            beyond=rows[n_frames:],
        )
