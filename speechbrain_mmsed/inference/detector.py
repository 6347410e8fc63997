"""The detector: an exported folder in, events of any recording out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import functools
import os

import pandas as pd

from speechbrain_mmsed.inference.listening import EventStream
from speechbrain_mmsed.inference.model import ExportedModel
from speechbrain_mmsed.inference.reading import read_windows
from speechbrain_mmsed.inference.results import (
    Detection,
    DetectionError,
    FileScores,
    events_of,
    tags_of,
)
from speechbrain_mmsed.inference.scoring import score_recordings
from speechbrain_mmsed.inference.streaming import DetectionStream, score_clips
from speechbrain_mmsed.inference.streams import RecordingStreams, film_of
from speechbrain_mmsed.inference.wanted import EVERYTHING

# The metric whose thresholds decide on tags.
TAG_METRIC = "cbf1"


class SoundEventDetector(ExportedModel):
    """Sound events in recordings of any length, rate and channel count.

    Build it with `from_hparams(source=folder)`, where the folder is one that
    the training recipe exported.

    Example
    -------
    >>> detector = SoundEventDetector.from_hparams(
    ...     source="results/transformer/1986/detector"
    ... )  # doctest: +SKIP
    >>> detector.detect_file("kitchen.mp4").events  # doctest: +SKIP
    """

    def scores_file(
        self,
        path,
        primary_weight=None,
        progress=None,
        video=None,
        features=None,
    ):
        """Scores of a recording.

        Arguments
        ---------
        path : str or pathlib.Path
            Sound file or film with sound.
        primary_weight : float or None
            Weight of the sound, above 0 and at most 1; None: what was
            chosen on validation data. 1 ignores all other streams.
        progress : bool or None
            Whether to show a progress bar; None: on a terminal.
        video : str, pathlib.Path or None
            The film, if it is not in the file itself.
        features : dict or None
            Instead of the film's: name of a stream -> StreamFeatures, or
            (T, D) as in training for a recording of one window.

        Returns
        -------
        FileScores

        Raises
        ------
        DetectionError
            If there is no sound that can be read.
        """
        return _only(
            self.scores_files(
                [path], primary_weight, progress, [video], [features]
            )
        )

    def scores_files(
        self,
        paths,
        primary_weight=None,
        progress=None,
        videos=None,
        features=None,
    ):
        """Scores of many recordings, read ahead and scored in batches.

        Arguments
        ---------
        paths, primary_weight, progress, videos
            As in `scores_file`, a list where that has one.
        features : list or None
            For each path as in `scores_file`, or a function that reads it
            when its turn comes.

        Yields
        ------
        path : str
            In the order of the paths.
        scores : FileScores or DetectionError
            The error is not raised, so that the others are done.
        """
        paths = [os.fspath(path) for path in paths]
        nothing = [None] * len(paths)
        weight = self.checked_weight(primary_weight)
        sources = [
            functools.partial(self._read, *source, weight)
            for source in zip(
                paths, videos or nothing, features or nothing, strict=True
            )
        ]
        with contextlib.closing(
            score_recordings(self, paths, sources, weight, progress)
        ) as results:
            for path, (stitcher, end) in zip(paths, results, strict=True):
                scores = end.error
                if scores is None:
                    scores = self.make_scores(
                        path,
                        stitcher.take(),
                        stitcher.clip,
                        end.duration,
                        end.streams,
                    )
                    scores.remark = end.remark
                elif not isinstance(scores, DetectionError):
                    raise scores
                yield path, scores

    def detect_file(
        self,
        path,
        metric="ebf1",
        primary_weight=None,
        progress=None,
        video=None,
        features=None,
        postprocessing=None,
        wanted=EVERYTHING,
    ):
        """Events and tags of a recording.

        Arguments
        ---------
        path, primary_weight, progress, video, features
            As in `scores_file`.
        metric : str
            The events are made with the thresholds and windows, or the boxes,
            that were tuned for this metric.
        postprocessing : str or None
            "median" or "boxes", whose confidence is then the events' score;
            None: what was chosen when the detector was exported.
        wanted : Wanted
            Classes, thresholds and durations; by default all events, by the
            thresholds that were tuned.

        Returns
        -------
        Detection

        Raises
        ------
        DetectionError
            If no sound can be read, or nothing is tuned for the metric.
        """
        return _only(
            self.detect_files(
                *([path], metric, primary_weight, progress, [video]),
                *([features], postprocessing, wanted),
            )
        )

    def detect_files(
        self,
        paths,
        metric="ebf1",
        primary_weight=None,
        progress=None,
        videos=None,
        features=None,
        postprocessing=None,
        wanted=EVERYTHING,
    ):
        """Events and tags of many recordings, as `detect_file` of each.

        Takes further what `scores_files` takes, and yields as that does
        (path, Detection or DetectionError) in the order of the paths.
        """
        self.tuned(metric, postprocessing)  # before anything is read
        wanted.check(self.labels)
        for path, scores in self.scores_files(
            paths, primary_weight, progress, videos, features
        ):
            if isinstance(scores, FileScores):
                scores = self.detection(scores, metric, postprocessing, wanted)
            yield path, scores

    def detect_batch(
        self, waveforms, streams=None, metric="ebf1", postprocessing=None
    ):
        """Events and scores of clips that are already in memory.

        Arguments
        ---------
        waveforms : sequence of array_like
            B times (samples,) at `sample_rate`, each at most one clip long;
            scaled to their peaks as in training.
        streams : dict or None
            Name -> for each clip (T, D) features or None; streams that are
            not named are missing for all.
        metric, postprocessing : str
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
        parameters = self.tuned(metric, postprocessing)
        parts, clip, frame = score_clips(self, waveforms, streams or {})
        tables = [events_of(part, parameters) for part in parts]
        return pd.concat(tables, ignore_index=True), clip, frame

    def detection(
        self, scores, metric="ebf1", postprocessing=None, wanted=EVERYTHING
    ):
        """The Detection that FileScores of a whole recording give."""
        for_tags = self.parameters.get(TAG_METRIC)
        thresholds = 0.5 if for_tags is None else for_tags.thresholds
        thresholds = wanted.thresholds(thresholds, self.labels)
        parameters = wanted.changed(self.tuned(metric, postprocessing))
        events = wanted.of(events_of(scores, parameters))
        tags = wanted.of_tags(tags_of(scores, thresholds))
        return Detection(events, scores, tags, parameters)

    def stream(self, sample_rate, filename="stream", latency=None):
        """A DetectionStream, which gives scores of sound still to come.

        Arguments
        ---------
        sample_rate : int
            Hz of the chunks.
        filename : str
            A name for the results.
        latency : float or None
            Seconds until a frame's scores are there, about .4 to 9; the
            shorter, the more they differ from those of the whole recording.
            None: equal to those, after a window and a little more.
        """
        return DetectionStream(self, sample_rate, filename, latency)

    def listen(
        self, sample_rate, metric="ebf1", filename="stream", latency=None
    ):
        """An EventStream, which gives events of sound still to come.

        Arguments
        ---------
        sample_rate, filename, latency
            As in `stream`; the median filters add half of their window.
        metric : str
            As in `detect_file`.
        """
        stream = self.stream(sample_rate, filename, latency)
        return EventStream(stream, self.tuned(metric, "median"))

    def _read(self, path, video, features, weight):
        """What `read_windows` yields for a recording."""
        film = film_of(path) if video is None else os.fspath(video)
        if callable(features):
            features = features()
        streams = RecordingStreams(self.setup, film, features, weight == 1)
        return read_windows(path, self.new_cutter(), streams)


def _only(pairs):
    """The one result, or its error raised."""
    ((_, result),) = pairs
    if isinstance(result, Exception):
        raise result
    return result
