"""Detection in many recordings, one result for each, in their order.

The detector reads recordings ahead in threads and scores their windows in
common batches; here results are written, remembered and put in order. A
recording that cannot be used is a result like any other.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import errno
import os

from speechbrain_mmsed.files import NO_ROOM, write_text
from speechbrain_mmsed.folders import remove
from speechbrain_mmsed.inference import DetectionError
from speechbrain_mmsed.inference.folders.results import Result
from speechbrain_mmsed.inference.folders.segments import (
    SUFFIX,
    write_segments,
)
from speechbrain_mmsed.inference.formats import FORMATS
from speechbrain_mmsed.inference.formats.picture import write_picture
from speechbrain_mmsed.inference.formats.values import in_order

# Errors after which no recording's results can be written: a full disk or
# one that fails, and a folder that is not ours.
FOR_ALL = {
    *NO_ROOM,
    *(errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM),
}


class Outputs:
    """Files that are written for each recording.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where to.
    forms : list of str
        Keys of FORMATS.
    with_picture : bool
        Whether a png is drawn as well.
    cut : str, pathlib.Path or None
        Where a folder with the sound of each event is written as well.

    Example
    -------
    >>> from speechbrain_mmsed.inference.folders.inputs import InputFile
    >>> file = InputFile("/films/a.mp4", "a.mp4", "a")
    >>> Outputs("out", ["tsv", "html"]).paths(file)
    {'tsv': 'out/a.tsv', 'html': 'out/a.html'}
    """

    def __init__(self, folder, forms, with_picture=False, cut=None):
        self.folder = os.fspath(folder)
        self.suffixes = {form: FORMATS[form].suffix for form in forms}
        if with_picture:
            self.suffixes["picture"] = ".png"
        self.cut = cut and os.fspath(cut)
        if self.cut:
            self.suffixes["cut"] = SUFFIX

    def paths(self, file):
        """Format -> path of its file, or folder, for a recording."""
        return {
            form: os.path.join(
                self.cut if form == "cut" else self.folder, file.stem + suffix
            )
            for form, suffix in self.suffixes.items()
        }

    def write(self, file, detection):
        """Writes all files of a recording, each whole or not at all.

        Raises
        ------
        DetectionError
            If this recording's files cannot be written, but those of others
            can; none of them is left.
        OSError
            If nothing can be written any more.
        """
        written = []
        try:
            for form, path in self.paths(file).items():
                self._write_one(form, path, file, detection)
                written.append(path)
        except DetectionError:
            for path in written:
                remove(path)
            raise

    def _write_one(self, form, path, file, detection):
        """One file, with errors told apart by whom they concern."""
        try:
            if form == "picture":
                write_picture(detection, path)
            elif form == "cut":
                write_segments(file.path, in_order(detection.events), path)
            else:
                write_text(path, _text(form, path, file, detection))
        except OSError as error:
            if error.errno in FOR_ALL:
                raise
            raise DetectionError(
                f"{file.path}: its results cannot be written: "
                f"{error.strerror}: {path}. Give the recording a shorter or "
                f"plainer name, or name another --out"
            ) from None


def _text(form, path, file, detection):
    """A recording that is gone, or not to be read, is its own failure."""
    try:
        return FORMATS[form].render(detection, file.path, path)
    except OSError as error:
        raise DetectionError(
            f"{file.path}: it cannot be read any more for its page: "
            f"{error.strerror}"
        ) from None


class Finder:
    """Finds, and writes what is found, in this process.

    Arguments
    ---------
    detector : SoundEventDetector
        Has `detect_files`.
    outputs : Outputs or None
        What is written for each recording.
    **how
        For `detect_files`: metric, postprocessing, primary_weight, progress.
    """

    def __init__(self, detector, outputs=None, **how):
        self.detector, self.outputs, self.how = detector, outputs, how

    def __call__(self, files):
        """Yields (Result, Detection or None) for each file, in order."""
        detections = self._detections(files)
        for file, detection in zip(files, detections, strict=True):
            if isinstance(detection, Exception):
                yield Result.of_error(file, detection), None
                continue
            # Under the name that tables use.
            detection = dataclasses.replace(
                detection,
                events=detection.events.assign(filename=file.name),
                scores=dataclasses.replace(
                    detection.scores, filename=file.name
                ),
            )
            try:
                if self.outputs is not None:
                    self.outputs.write(file, detection)
            except DetectionError as error:
                yield Result.of_error(file, error), None
                continue
            yield Result.of_detection(file, detection), detection

    def _detections(self, files):
        """A Detection or an error for each file.

        An error that no reader foresaw ends the detector's pass; the others
        are done in a new one. A DetectionError that is raised, not yielded,
        is about the call and not about a file.
        """
        left = list(files)
        while left:
            paths = [file.path for file in left]
            try:
                for _, detection in self.detector.detect_files(
                    paths, **self.how
                ):
                    left.pop(0)
                    yield detection
            except DetectionError:
                raise
            except Exception as error:
                file = left.pop(0)
                wrapped = DetectionError(
                    f"{file.path}: unexpected {type(error).__name__}: {error}"
                )
                wrapped.__cause__ = error
                yield wrapped


def detect_all(files, find, outputs=None, journal=None):
    """Events and tags of many recordings.

    Arguments
    ---------
    files : list of InputFile
        The recordings.
    find : callable
        A Finder, or what does the same in several processes.
    outputs : Outputs or None
        What `find` writes: results of earlier calls hold if it is there.
    journal : Journal or None
        Knows what earlier calls have done, and records what is done now.

    Yields
    ------
    Result, Detection or None
        In the order of the files; None where the recording failed, had been
        done before or was done in another process.
    """
    paths_of = {
        file.name: [] if outputs is None else [*outputs.paths(file).values()]
        for file in files
    }
    earlier = {}
    if journal is not None:
        for file in files:
            record = journal.result(file.name, paths_of[file.name])
            result = Result.of_record(file, record)
            if result is not None:
                earlier[file.name] = result
        journal.claim({n: p for n, p in paths_of.items() if n not in earlier})
    found = find([file for file in files if file.name not in earlier])
    for file in files:
        if file.name in earlier:
            yield earlier[file.name], None
            continue
        result, detection = next(found)
        if journal is not None and result.failed:
            journal.fail(file.name)
        elif journal is not None:
            record = result.to_record()
            journal.append(file.name, record, paths_of[file.name])
        yield result, detection
