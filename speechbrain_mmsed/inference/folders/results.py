"""What became of one recording, as tables and journals need it.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
from dataclasses import dataclass, field

from speechbrain_mmsed.dataio.media.sound import SoundError
from speechbrain_mmsed.inference.folders.journal import state_of
from speechbrain_mmsed.inference.formats.values import in_order

# What a journal keeps of a result.
KEPT = ("duration", "streams", "events", "tags", "clip", "remark")


@dataclass
class Result:
    """Events and tags of a recording, or why there are none.

    Arguments
    ---------
    file : InputFile
        The recording.
    reason, message : str
        Why it failed, empty if it did not, and what to do about it.
    duration : float
        Seconds.
    streams : dict
        Name -> what became of it.
    events, tags : list of tuple
        (onset, offset, label, score) by onset; (label, score), highest first.
    clip : list of float
        A score of the whole recording for each class.
    reused : bool
        Whether an earlier call had done it.
    remark : str
        What of its sound is lost, empty if nothing is.

    Example
    -------
    >>> from speechbrain_mmsed.inference.folders.inputs import InputFile
    >>> result = Result(InputFile("/a.wav", "a.wav", "a"), reason="unreadable")
    >>> result.failed
    True
    """

    file: object
    reason: str = ""
    message: str = ""
    duration: float = 0.0
    streams: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    tags: list = field(default_factory=list)
    clip: list = field(default_factory=list)
    reused: bool = False
    remark: str = ""

    @property
    def failed(self):
        """Whether there is nothing but a reason."""
        return bool(self.reason)

    @classmethod
    def of_detection(cls, file, detection):
        """The result that a detection is."""
        scores = detection.scores
        return cls(
            file,
            duration=float(scores.duration),
            streams=dict(scores.streams),
            events=in_order(detection.events),
            tags=[(label, float(score)) for label, score in detection.tags],
            clip=[float(score) for score in scores.clip],
            remark=scores.remark,
        )

    @classmethod
    def of_error(cls, file, error):
        """The result that an error is; its cause knows the short reason."""
        message = " ".join(str(error).split()) or type(error).__name__
        cause = error.__cause__
        reason = message.removeprefix(f"{file.path}: ")
        if isinstance(cause, SoundError):
            reason = cause.reason
        elif cause is not None:
            reason = f"unexpected {type(cause).__name__}"
        return cls(file, reason=reason, message=message)

    def to_record(self):
        """Plain values for a journal, with the state of the file."""
        kept = {name: getattr(self, name) for name in KEPT}
        return {"source": source_state(self.file.path), **kept}

    @classmethod
    def of_record(cls, file, record):
        """The result of `to_record`; None if there is none of this file."""
        plain = cls(file, reused=True)
        try:
            if record["source"] != source_state(file.path):
                return None
            for name in KEPT:
                value = record.get(name, getattr(plain, name))
                if type(value) is not type(getattr(plain, name)):
                    return None  # damaged
                rows = name in ("events", "tags")
                value = [tuple(row) for row in value] if rows else value
                setattr(plain, name, value)
        except (KeyError, TypeError, AttributeError):
            return None
        return plain


def source_state(path):
    """[path, size, time]: other values mean another file; None: it is gone."""
    state = state_of(path)
    return None if state is None else [os.path.abspath(path), *state]
