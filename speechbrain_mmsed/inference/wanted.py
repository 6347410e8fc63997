"""Which of the events that a detector hears are wanted.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import difflib

import numpy as np

from speechbrain_mmsed.inference.results import DetectionError

# Classes that a message lists.
MOST_NAMED = 50


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What somebody wants to know, applied in this order.

    Arguments
    ---------
    classes : tuple of str
        Only events of these; all if empty.
    threshold : float, dict or None
        Instead of those that were tuned: of all classes, or by name; of
        boxes it is the confidence.
    merge_gap : float
        Seconds: events of a class with less between them become one, whose
        score is their mean, weighted by duration.
    min_duration : float
        Seconds: shorter ones are left out.
    top : int or None
        The most probable ones of a recording.

    Example
    -------
    >>> import pandas as pd
    >>> events = pd.DataFrame({
    ...     "filename": "a", "onset": [0.0, 1.2, 5], "offset": [1.0, 2, 5.1],
    ...     "event_label": "Dog", "score": [0.6, 0.6, 0.9]})
    >>> Wanted(merge_gap=0.5, min_duration=0.5).of(events)[
    ...     ["onset", "offset"]].values.tolist()
    [[0.0, 2.0]]
    """

    classes: tuple = ()
    threshold: float | dict | None = None
    merge_gap: float = 0.0
    min_duration: float = 0.0
    top: int | None = None

    def check(self, labels):
        """Raises a DetectionError for what a detector of these lacks."""
        by_class = self.threshold if type(self.threshold) is dict else {}
        for label in (*self.classes, *by_class):
            if label not in labels:
                raise DetectionError(
                    f"class {label!r} is not known{nearest(label, labels)}"
                )
        for value in by_class.values() or [self.threshold or 0.0]:
            if not 0 <= value < 1:
                raise DetectionError(
                    f"threshold is {value}, expected 0 to below 1"
                )
        if not (self.merge_gap >= 0 and self.min_duration >= 0):
            raise DetectionError(
                f"merge_gap is {self.merge_gap} and min_duration "
                f"{self.min_duration} s, expected 0 or more"
            )
        if self.top is not None and self.top < 1:
            raise DetectionError(f"top is {self.top}, expected 1 or more")

    def thresholds(self, tuned, labels):
        """(C,) thresholds, instead of those that were tuned."""
        if type(self.threshold) is not dict:
            given = self.threshold
            return tuned if given is None else np.full(len(labels), given)
        pairs = zip(labels, np.broadcast_to(tuned, len(labels)), strict=True)
        return np.array([self.threshold.get(*pair) for pair in pairs])

    def changed(self, parameters):
        """Class- or BoxParameters with the thresholds that are wanted."""
        wanted = self.thresholds(parameters.thresholds, parameters.labels)
        return dataclasses.replace(parameters, thresholds=wanted)

    def of(self, events):
        """The wanted ones of a table of events of one recording."""
        if self.classes:
            events = events[events["event_label"].isin(self.classes)]
        if self.merge_gap:
            events = self._merged(events)
        seconds = events["offset"] - events["onset"]
        events = events[seconds >= self.min_duration - 1e-9]
        if self.top is not None:
            # By rank, and in their order again; of equal ones the earlier.
            best = events["score"].rank(method="first", ascending=False)
            events = events[best <= self.top]
        return events.reset_index(drop=True)

    def of_tags(self, tags):
        """The wanted ones of a recording's tags."""
        if not self.classes:
            return tags
        return [tag for tag in tags if tag[0] in self.classes]

    def _merged(self, events):
        """Events of a class that are close together, as one."""
        events = events.sort_values(["event_label", "onset"])
        same = events["event_label"] == events["event_label"].shift()
        until = events.groupby("event_label")["offset"].cummax().shift()
        gap = events["onset"] - until
        group = (~(same & (gap < self.merge_gap))).cumsum()
        seconds = (events["offset"] - events["onset"]).clip(lower=1e-9)
        merged = events.groupby(group).agg(
            filename=("filename", "first"),
            onset=("onset", "min"),
            offset=("offset", "max"),
            event_label=("event_label", "first"),
        )
        weighted = (events["score"] * seconds).groupby(group).sum()
        merged["score"] = weighted / seconds.groupby(group).sum()
        return merged


EVERYTHING = Wanted()


def nearest(label, labels):
    """What to say of a class that is not known: all of few, else similar ones.

    Empty if there are many and none is similar.
    """
    if len(labels) <= MOST_NAMED:
        return f", expected some of {', '.join(labels)}"
    by_folded = {known.casefold(): known for known in labels}
    found = difflib.get_close_matches(label.casefold(), by_folded, 5)
    found += [k for k in by_folded if label.casefold() in k][:5]
    names = dict.fromkeys(repr(by_folded[key]) for key in found)
    return f"; similar ones are {', '.join(names)}" if names else ""
