"""The detector: an exported folder in, events of any recording out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import json
import os

import numpy as np
import pandas as pd
from speechbrain.inference.interfaces import Pretrained
from speechbrain.utils.fetching import fetch
from tqdm import tqdm

from speechbrain_mmsed.inference.errors import DetectionError
from speechbrain_mmsed.inference.events import (
    TAG_METRIC,
    events_of,
    parameters_for_events,
    read_parameters,
    tags_of,
)
from speechbrain_mmsed.inference.reading import Readers, read_windows
from speechbrain_mmsed.inference.results import Detection, FileScores
from speechbrain_mmsed.inference.scoring import (
    WindowScorer,
    score_recordings,
)
from speechbrain_mmsed.inference.streaming import DetectionStream
from speechbrain_mmsed.inference.streams import (
    FilmStreams,
    GivenStreams,
    StreamEmbedders,
    film_of,
)
from speechbrain_mmsed.inference.weights import load_weights
from speechbrain_mmsed.inference.windows import WindowCutter
from speechbrain_mmsed.postprocessing.decode import frames_inside


class SoundEventDetector(Pretrained):
    """Sound events in recordings of any length, rate and channel count.

    Build it with `from_hparams(source=folder)`, where the folder is one that
    the training recipe exported.

    Arguments
    ---------
    postprocessing : dict
        Metric -> thresholds and windows, as plain values.
    descriptions : list of dict
        What made the features of each stream in training.
    card : str
        Text of the model card.
    **kwargs : dict
        As for `Pretrained`.

    Example
    -------
    >>> detector = SoundEventDetector.from_hparams(
    ...     source="results/transformer/1986/detector"
    ... )  # doctest: +SKIP
    >>> detector.detect_file("kitchen.mp4").events  # doctest: +SKIP
    """

    HPARAMS_NEEDED = [
        *("labels", "frame_hop", "sample_rate", "clip_seconds", "n_frames"),
        *("streams", "stream_widths", "embedders", "min_video_coverage"),
        *("primary_weight", "margin_frames", "shortest_hop", "peak_floor"),
        "postprocessing",
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
        self.parameters = read_parameters(postprocessing)
        self.metrics = list(self.parameters)
        self.embedders = StreamEmbedders(
            descriptions, values.embedders, self.device
        )
        self.batch_size = 16
        self._scorer = WindowScorer(
            self.mods.network, self.mods.frontend, self.device
        )

    @classmethod
    def from_hparams(
        cls,
        source,
        hparams_file="hyperparams.yaml",
        savedir=None,
        model="student",
        **kwargs,
    ):
        """Loads an exported folder; a local one needs no network.

        Nothing is run but what the folder's yaml names.

        Arguments
        ---------
        source : str or pathlib.Path
            The folder, or whatever SpeechBrain's `fetch` takes.
        hparams_file : str
            Name of the yaml in it.
        savedir : str or None
            Where remote files are kept; a local folder needs none.
        model : str
            "student", or "teacher" if it was exported.
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
        looks_local = os.path.isabs(source) or source.startswith(".")
        if (looks_local or os.path.isdir(source)) and not os.path.isfile(yaml):
            raise DetectionError(
                f"{source} is no detector folder: there is no {hparams_file} "
                f"in it; expected the folder `detector` that training writes "
                f"into its output folder"
            )
        postprocessing = _read_json(get("postprocessing.json"))
        if model not in postprocessing:
            raise DetectionError(
                f"model is {model!r}, expected one of those in {source}: "
                f"{', '.join(postprocessing)}"
            )
        kwargs.setdefault("run_opts", {})
        detector = super().from_hparams(
            source,
            hparams_file,
            savedir=savedir,
            postprocessing=postprocessing[model]["parameters"],
            descriptions=_read_json(get("streams.json")),
            card=_read_text(get("README.md")),
            **kwargs,
        )
        if model != "student":
            load_weights(detector.mods.network, get(f"{model}.ckpt"))
        detector.hparams.primary_weight = postprocessing[model][
            "primary_weight"
        ]
        return detector

    def scores_file(self, path, primary_weight=None, progress=None, video=None):
        """Scores of a recording.

        Arguments
        ---------
        path : str or pathlib.Path
            Sound file or film with sound.
        primary_weight : float or None
            Weight of the sound, above 0 and at most 1; None: what was
            chosen on validation data. 1 ignores the film.
        progress : bool or None
            Whether to show a progress bar; None: on a terminal.
        video : str, pathlib.Path or None
            The film, if it is not in the file itself.

        Returns
        -------
        FileScores

        Raises
        ------
        DetectionError
            If there is no sound that can be read.
        """
        ((_, scores),) = self.scores_files(
            [path], primary_weight, progress, [video]
        )
        if isinstance(scores, Exception):
            raise scores
        return scores

    def scores_files(
        self, paths, primary_weight=None, progress=None, videos=None
    ):
        """Scores of many recordings, read ahead and scored in batches.

        Arguments
        ---------
        paths : list of str
            Sound files or films with sound.
        primary_weight : float or None
            As in `scores_file`.
        progress : bool or None
            As in `scores_file`.
        videos : list or None
            For each path a film or None.

        Yields
        ------
        path : str
            In the order of the paths.
        scores : FileScores or DetectionError
            The error is not raised, so that the others are done.
        """
        paths = [os.fspath(path) for path in paths]
        videos = [None] * len(paths) if videos is None else list(videos)
        weight = self._weight(primary_weight)
        sources = [
            functools.partial(self._windows, path, video, weight)
            for path, video in zip(paths, videos, strict=True)
        ]
        bar = tqdm(
            total=len(paths),
            unit="file",
            delay=1.0,
            disable=None if progress is None else not progress,
        )
        n_threads = min(len(paths), max(2, (os.cpu_count() or 2) // 2), 8)
        scorer = functools.partial(self._scorer, primary_weight=weight)
        with bar, Readers(sources, n_threads) as readers:
            results = score_recordings(readers, scorer, self.batch_size)
            for path, (assembly, end) in zip(paths, results, strict=True):
                if end.error is None:
                    yield (
                        path,
                        self.make_scores(
                            path,
                            np.concatenate(assembly.rows),
                            assembly.clip,
                            end.duration,
                            end.streams,
                        ),
                    )
                elif isinstance(end.error, DetectionError):
                    yield path, end.error
                else:
                    raise end.error
                bar.update()

    def detect_file(
        self,
        path,
        metric="ebf1",
        primary_weight=None,
        progress=None,
        video=None,
    ):
        """Events and tags of a recording.

        Arguments
        ---------
        path : str or pathlib.Path
            Sound file or film with sound.
        metric : str
            Whose tuned thresholds and windows make events.
        primary_weight, progress, video
            As in `scores_file`.

        Returns
        -------
        Detection
        """
        parameters_for_events(self.parameters, metric)
        scores = self.scores_file(path, primary_weight, progress, video)
        return self.detection(scores, metric)

    def detect_files(
        self,
        paths,
        metric="ebf1",
        primary_weight=None,
        progress=None,
        videos=None,
    ):
        """Events and tags of many recordings.

        Arguments
        ---------
        paths, primary_weight, progress, videos
            As in `scores_files`.
        metric : str
            As in `detect_file`.

        Yields
        ------
        path : str
            In the order of the paths.
        detection : Detection or DetectionError
            The error is not raised, so that the others are done.
        """
        parameters_for_events(self.parameters, metric)
        for path, scores in self.scores_files(
            paths, primary_weight, progress, videos
        ):
            if isinstance(scores, FileScores):
                scores = self.detection(scores, metric)
            yield path, scores

    def detect_batch(self, waveforms, streams=None, metric="ebf1"):
        """Events and scores of clips that are already in memory.

        Arguments
        ---------
        waveforms : sequence of array_like
            B times (samples,) at `sample_rate`, each at most one clip long;
            scaled to their peaks as in training.
        streams : dict or None
            Name -> for each clip (T, D) features or None; streams that are
            not named are missing for all.
        metric : str
            As in `detect_file`.

        Returns
        -------
        events : pandas.DataFrame
            Columns as in `Detection`; the filename is the clip's number.
        clip : numpy.ndarray
            (B, C) scores of the clips.
        frame : numpy.ndarray
            (B, T, C) scores of the frames, those of padding included.

        Raises
        ------
        DetectionError
            If a clip is empty or too long, or features do not fit.
        """
        parameters = parameters_for_events(self.parameters, metric)
        given = GivenStreams(
            self.streams, self._widths(), self.hparams.n_frames, streams or {}
        )
        batch, clip, frame = [], [], []
        for number, waveform in enumerate(waveforms):
            window = self._clip(number, waveform)
            batch.append((window.waveform, *given.clip(number)))
        for begin in range(0, len(batch), self.batch_size):
            parts = zip(*batch[begin : begin + self.batch_size], strict=True)
            found = self._scorer(*parts, self.hparams.primary_weight)
            for whole, part in zip((clip, frame), found, strict=True):
                whole.append(part)
        clip, frame = np.concatenate(clip), np.concatenate(frame)
        seconds = [len(w) / self.sample_rate for w in waveforms]
        tables = [
            events_of(
                self.make_scores(str(i), frame[i], clip[i], seconds[i], {}),
                parameters,
            )
            for i in range(len(batch))
        ]
        return pd.concat(tables, ignore_index=True), clip, frame

    def _clip(self, number, waveform):
        """The one window of a clip."""
        n_samples = self.mods.frontend.n_samples
        waveform = np.asarray(waveform, dtype=np.float32)
        if waveform.ndim != 1 or not 0 < len(waveform) <= n_samples:
            raise DetectionError(
                f"waveform {number} has shape {waveform.shape}, expected "
                f"(samples,) of 1 to {n_samples} samples at "
                f"{self.sample_rate} Hz; for longer ones use `stream`"
            )
        if not np.isfinite(waveform).all():
            raise DetectionError(f"waveform {number} holds NaN or infinity")
        cutter = self.new_cutter()
        (window,) = cutter.feed(waveform) + cutter.close()
        return window

    def detection(self, scores, metric="ebf1"):
        """Events and tags of scores that are there.

        Arguments
        ---------
        scores : FileScores
            Scores of a recording.
        metric : str
            Whose tuned thresholds and windows make events.

        Returns
        -------
        Detection
        """
        parameters = parameters_for_events(self.parameters, metric)
        tags = tags_of(scores, self.parameters.get(TAG_METRIC))
        return Detection(events_of(scores, parameters), scores, tags)

    def stream(self, sample_rate, filename="stream"):
        """Starts the detection of sound that is still to come.

        Arguments
        ---------
        sample_rate : int
            Hz of the chunks.
        filename : str
            A name for it.

        Returns
        -------
        DetectionStream
            With `feed(chunk)` and `close()`.
        """
        return DetectionStream(self, sample_rate, filename)

    def new_cutter(self):
        """A WindowCutter for one recording."""
        frontend = self.mods.frontend
        return WindowCutter(
            self.sample_rate,
            frontend.n_samples,
            self.hparams.n_frames,
            round(self.frame_hop * self.sample_rate),
            self.hparams.margin_frames,
            self.hparams.shortest_hop,
            self.hparams.peak_floor,
        )

    def score_windows(self, windows):
        """Clip (B, C) and frame (B, T, C) scores of windows, sound only."""
        n_frames = self.hparams.n_frames
        missing = [np.zeros((n_frames, w), np.float32) for w in self._widths()]
        return self._scorer(
            [window.waveform for window in windows],
            [missing] * len(windows),
            [[True] + [False] * len(missing)] * len(windows),
            self.hparams.primary_weight,
        )

    def _widths(self):
        return [self.hparams.stream_widths[name] for name in self.streams]

    def _weight(self, primary_weight):
        if primary_weight is None:
            return self.hparams.primary_weight
        if not 0 < primary_weight <= 1:
            raise DetectionError(
                f"primary_weight is {primary_weight}, expected a number "
                f"above 0 and at most 1: the weight of the sound"
            )
        return float(primary_weight)

    def _windows(self, path, video, weight):
        """What `read_windows` yields for a recording."""
        film = film_of(path) if video is None else os.fspath(video)
        if weight == 1:
            film = None
        streams = FilmStreams(
            self.streams,
            self._widths(),
            self.embedders,
            film,
            self.hparams.n_frames,
            self.hparams.clip_seconds,
            self.hparams.min_video_coverage,
            self.frame_hop,
        )
        return read_windows(path, self.new_cutter(), streams)

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
