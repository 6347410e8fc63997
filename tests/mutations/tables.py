"""Readers of events, scores and lists in text."""

import pathlib
import re

import numpy as np
from mutations.plain import columns_of, events_of, plain_rows, rows_of, seconds
from mutations.trial import Reader

from speechbrain_mmsed.dataio.corpus.tables import (
    NOTHING,
    read_event_table,
    read_tag_table,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.readers.events import MARGIN, read_points
from speechbrain_mmsed.evaluation.readers.score_tables import read_score_tables
from speechbrain_mmsed.evaluation.readers.truth import (
    read_labels,
    read_truth,
    read_video,
)
from speechbrain_mmsed.inference.published import read_map

EVENTS = (
    "filename\tonset\toffset\tevent_label\n"
    "a.wav\t0.5\t2.25\tDog\na.wav\t3.0\t9.125\tCat\na.wav\t1.0\t1.5\tCat\n"
    "b-1 é.wav\t0.0\t10.0\tSpeech, loud\nc.wav\t\t\t\n"
    "d.wav\t0.031\t0.032\tDog\n"
)


DURATIONS = (
    "filename\tduration\na.wav\t10.0\nb-1 é.wav\t9.98\nc.wav\t7\nd.wav\t3"
)


LABELS = ["Cat", "Dog", "Speech, loud"]


def event_table(_):
    return Reader(
        {"events.tsv": EVENTS.encode()},
        lambda folder: plain_rows(read_event_table(folder / "events.tsv")),
        lambda folder: events_of(folder / "events.tsv"),
        lines=30,
    )


def tag_table(_):
    text = (
        "filename,event_labels\na.wav,Dog\n"
        '"b, c.wav","Cat,Dog"\nd.wav,Dog;Cat\ne.wav,\nf.wav,Cat|Dog\n'
    )

    def obvious(folder):
        cells = columns_of(folder / "tags.csv", "filename", "event_labels")
        found = []
        for name, tags in cells:
            tags = "" if tags.lower() in NOTHING else tags
            tags = [tag.strip(' "') for tag in re.split("[,;|]", tags)]
            found.append((name, [tag for tag in tags if tag]))
        return found

    return Reader(
        {"tags.csv": text.encode()},
        lambda folder: plain_rows(read_tag_table(folder / "tags.csv")),
        obvious,
    )


def sorted_events(rows):
    """Events by clip, class and time, without clips that have none."""
    kept = [row for row in rows if row[1:] != (None, None, None)]
    return sorted(kept, key=lambda row: (row[0], row[3], *row[1:3]))


def truth(_, read=read_truth):
    """Ground truth beside durations, as `mmsed evaluate` takes them."""
    files = {"truth.tsv": EVENTS, "durations.tsv": DURATIONS}

    def first(folder):
        found = read(*(folder / name for name in files), LABELS)
        return plain_rows(found.events), found.durations

    def obvious(folder):
        pairs = columns_of(folder / "durations.tsv", "filename", "duration")
        durations = {name: seconds(cell) for name, cell in pairs}
        assert len(durations) == len(pairs) and None not in durations.values()
        return sorted_events(events_of(folder / "truth.tsv")), durations

    files = {name: text.encode() for name, text in files.items()}
    return Reader(files, first, obvious)


def prepared_truth(_):
    """The same as training and experiments read it."""
    return truth(_, GroundTruth.load)


POINTS = {
    "points/p0.3.tsv": EVENTS,
    "points/p0.5.tsv": (
        "event_label\tfilename\tonset\toffset\n"
        "Dog\ta.wav\t-0.25\t2.0\nDog\tc.wav\t6.5\t7.25\nCat\ta.wav\t9\t12\n"
    ),
}


def points(_):
    """Events of two operating points; what leaves a clip is cut."""
    known = dict(columns_of_text(DURATIONS))
    known = {name: float(text) for name, text in known.items()}
    reference = GroundTruth.of_rows([], known, LABELS)

    def read(folder):
        tables, _, _ = read_points(folder / "points", reference)
        return [sorted_events(plain_rows(table)) for table in tables]

    def obvious(folder):
        return [inside(folder / name) for name in POINTS]

    def inside(path):
        kept = []
        for name, onset, offset, label in events_of(path, finite=False):
            if (onset, offset, label) == (None, None, None):
                continue
            (name,) = [k for k in known if name in (k, k.rpartition(".")[0])]
            assert offset >= onset and label in LABELS
            end = known[name]
            within = onset >= 0 and offset <= end + MARGIN
            offset = max(offset, 0) if offset <= end + MARGIN else end
            onset = min(max(onset, 0), offset)
            if within or onset < offset:
                kept.append((name, onset, offset, label))
        return sorted_events(kept)

    files = {name: text.encode() for name, text in POINTS.items()}
    names = tuple(pathlib.Path(name).name for name in POINTS)
    return Reader(files, read, obvious, names=(*names, "points"))


def columns_of_text(text):
    """Cells of a table in this file, without its titles."""
    return [line.split("\t") for line in text.splitlines()[1:]]


def score_table(n_frames, hop, end, seed):
    """Text of a clip's scores."""
    rng, rows = np.random.default_rng(seed), ["onset\toffset\tDog\tCat"]
    for k in range(n_frames):
        last = min((k + 1) * hop, end)
        dog, cat = rng.uniform(0, 1, 2).round(3)
        rows.append(f"{k * hop:.3f}\t{last:.3f}\t{dog}\t{cat}")
    return "\n".join(rows).encode()


def score_tables(_):
    """Scores of two clips, compared in the middle of each written frame."""
    ends = {"a.wav": 1.0, "b.wav": 0.75}
    reference = GroundTruth.of_rows([], ends, ["Cat", "Dog"])

    def written(folder):
        found = {}
        for name in ends:
            path = folder / f"scores/{name[0]}.tsv"
            cells = columns_of(path, "onset", "offset", "Cat", "Dog")
            found[name] = np.array([[seconds(c) for c in row] for row in cells])
        return found

    def read(folder):
        scores, _ = read_score_tables(folder / "scores", reference)
        found = []
        for name, table in written(folder).items():
            row = scores.filenames.index(name)
            middles = table[:, :2].mean(1)
            at = (middles / scores.frame_hop).astype(int)
            found.append(scores.frame[row][at].round(6).tolist())
        return found

    def obvious(folder):
        tables = written(folder).values()
        return [t[:, 2:].astype(np.float32).round(6).tolist() for t in tables]

    files = {
        "scores/a.tsv": score_table(10, 0.1, 1.0, 1),
        "scores/b.tsv": score_table(8, 0.1, 0.75, 2),
    }
    return Reader(files, read, obvious, names=("a.tsv", "b.tsv", "scores"))


def video_table(_):
    """Which clips have video, by a table or by a list."""
    known = ["a.wav", "b.wav", "c.wav"]
    files = {
        "flags.tsv": b"filename\thas_video\na.wav\t1\nb\tno\nc.wav\tFalse\n",
        "list.txt": b"filename\nb.wav\na\n",
    }
    yes = {"1": True, "1.0": True, "true": True, "yes": True, "present": True}
    no = dict.fromkeys(("0", "0.0", "false", "no", "absent", ""), False)

    def read(folder):
        return [read_video(folder / name, known) for name in files]

    def obvious(folder):
        found = []
        for name in files:
            path, flags = folder / name, {}
            head, *rows = rows_of(path) or [[]]
            if "has_video" in head:
                pairs = columns_of(path, "filename", "has_video")
                flags = {name: (yes | no)[flag.lower()] for name, flag in pairs}
            else:
                names = {row[0] for row in rows_of(path, "\t")}
                flags = dict.fromkeys(names - {"", "filename"}, True)
            assert {n.removesuffix(".wav") for n in flags} <= set("abc")
            there = {n.removesuffix(".wav"): f for n, f in flags.items()}
            found.append({n: there.get(n[0], False) for n in known})
        return found

    return Reader(files, read, obvious)


def label_list(_):
    """The file of labels, one a line."""

    def obvious(folder):
        found = [row[0] for row in rows_of(folder / "labels.txt", "\x1f")]
        assert len(set(found)) == len(found)
        return found

    return Reader(
        {"labels.txt": "Dog\nCat\n  Alarm bell\nSpéech\n".encode()},
        lambda folder: read_labels([str(folder / "labels.txt")]),
        obvious,
        names=("--labels",),
    )


def class_map(_):
    """A map of a published network's classes to one's own."""
    known = ["Dog", "Bark", "Cat, wild", "Speech"]
    text = 'AudioSet,Mine\nDog,Dog\nBark,Dog\n"Cat, wild",Cat\n'

    def obvious(folder):
        found = {}
        for number, (theirs, own) in enumerate(rows_of(folder / "map.csv")):
            title = theirs.casefold() in ("audioset", "display_name")
            if theirs not in known and title and not number:
                continue
            assert theirs in known and own
            found.setdefault(own, []).append(theirs)
        assert found
        return found

    return Reader(
        {"map.csv": text.encode()},
        lambda folder: read_map(folder / "map.csv", known),
        obvious,
    )


READERS = (
    *(event_table, tag_table, truth, prepared_truth),
    *(points, score_tables, video_table, label_list),
    class_map,
)
