"""Readers of the recipes' own tables."""

import csv
import importlib
import importlib.util
import itertools
import json
import math
import pathlib
import sys

from mutations.plain import (
    NUMBER,
    columns_of,
    first_line,
    plain_rows,
    rows_of,
    seconds,
)
from mutations.trial import Reader
from sweep.paper import METRICS, read_paper

from speechbrain_mmsed.dataio.corpus.tables import NOTHING

RECIPES = pathlib.Path(__file__).resolve().parents[2] / "recipes"


def paper_figures(_):
    """The transcription of the published tables, its first lines."""
    path = RECIPES / "DESED/experiments/paper_figures.csv"
    text = "\n".join(path.read_text().splitlines()[:6])
    titles = text.split("\n")[0].split(",")

    def read(folder):
        found = read_paper(str(folder / "paper.csv"))
        return {
            key: (row.table, row.training, row.inference, row.figures)
            for key, row in found.items()
        }

    def obvious(folder):
        found = {}
        for cells in columns_of(folder / "paper.csv", *titles):
            row = dict(zip(titles, cells, strict=True))
            streams = tuple(s for s in row["streams"].split("+") if s)
            kind = "random" if row["training"] == "random" else "fixed"
            key = (int(float(row["table"])), row["base"], streams)
            key += (kind if streams else "audio", row["split"])
            assert key not in found
            figures = {}
            for metric in METRICS:
                scale = 1 if metric[0] == "p" else 100
                pair = (seconds(row[metric]), seconds(row[f"{metric}_std"]))
                assert all(0 <= (x or 0) <= 100 for x in pair), pair
                figures[metric] = tuple(
                    None if x is None else x / scale for x in pair
                )
            found[key] = (key[0], row["training"], row["inference"], figures)
        return found

    return Reader({"paper.csv": text.encode()}, read, obvious)


OWN_TABLES = {
    "own.csv": (
        '"File","Start (s)","End (s)","Common name"\r\n'
        '"a.wav",1.5,2.25,"Dog"\r\n\r\n"b.wav",3,4,"Cat, wild"\r\n'
    ),
    "audacity.txt": "1.5\t2.0\tbark\n\\\t100.0\t200.0\n3\t4.5\tmeow, loud\n",
    "raven.Table.1.selections.txt": (
        "Selection\tView\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
        "Annotation\n1\tSpectrogram 1\t1.5\t2.5\t100\tbark\n"
        "1\tWaveform 1\t1.5\t2.5\t100\tbark\n2\tSpectrogram 1\t3\t4\t9\tmeow\n"
    ),
    "audioset.csv": (
        "# Segments csv created Sun Mar  5 10:54:31 2017\n"
        "# num_ytids=2, num_segs=2\n"
        "# YTID, start_seconds, end_seconds, positive_labels\n"
        '--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"\n'
        '-_x1, 0.000, 10.000, "/m/0"\n'
    ),
}


def own_module(name):
    """A module of the recipe for a corpus of one's own."""
    folder = str(RECIPES / "own_corpus/sound_event_detection")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def own_tables(_):
    """Tables of a corpus of one's own: titles, Audacity, Raven, AudioSet."""
    tables = own_module("corpus_tables")

    def read(folder):
        found = []
        for name in OWN_TABLES:
            table = tables.read_tables([str(folder / name)])
            columns = ["filename", "onset", "offset", "event_label"]
            found.append(plain_rows(table[columns]))
        return found

    def strict(cell, comma=False):
        cell = cell.replace(",", ".") if comma else cell
        if cell.lower() in NOTHING:
            return None
        assert NUMBER.fullmatch(cell) and math.isfinite(float(cell)), cell
        return float(cell)

    def titled(path, rows, stem):
        """Rows under titles that are known, by a list of names each."""
        comma = "," not in first_line(path)
        known = tables.ALIASES
        head = [title.lower().lstrip("# ") for title in rows[0]]
        place = {
            key: next(head.index(a) for a in names if a in head)
            for key, names in known.items()
            if any(a in head for a in names)
        }
        found, view = [], None
        for row in rows[1:]:
            row = row + [""] * (len(head) - len(row))
            assert not any(row[len(head) :])
            cell = {key: row[at] for key, at in place.items()}
            shown = row[head.index("view")] if "view" in head else None
            view = view or shown
            if shown != view:
                continue
            times = [
                strict(cell.get(k, ""), comma) for k in ("onset", "offset")
            ]
            if "file offset (s)" in head:
                raise LookupError("no such column in these files")
            name = cell.get("filename", stem)
            if "ytid" in head:
                clip = row[head.index("ytid")]
                name = f"Y{clip}_{times[0]:.3f}_{times[1]:.3f}.wav"
                times = [None, None]
            assert name and (times[0] is None) == (times[1] is None)
            labels = [cell.get("event_label", "")]
            if "event_labels" in cell:
                split = csv.reader(
                    [cell["event_labels"]], skipinitialspace=True
                )
                labels = [part.strip() for part in next(split, [])]
            labels = [x for x in labels if x.lower() not in NOTHING] or [""]
            assert times[0] is None or all(labels)
            found += [(name, *times, label) for label in labels]
        return found

    def one(folder, name):
        path, stem = folder / name, name.split(".")[0]
        rows = rows_of(path)
        if not rows:
            return [(stem, None, None, "")]
        if rows[0][0].startswith("#"):
            rows = rows_of(path, ",")
            heads = itertools.takewhile(lambda row: row[0][:1] == "#", rows)
            rows = rows[max(0, len(list(heads)) - 1) :]
        try:
            numbers = [float(cell) for cell in rows[0][:2]]
        except ValueError:
            numbers = [math.nan]
        if not all(map(math.isfinite, numbers)):
            return titled(path, rows, stem)
        found = []
        for row in rows:
            if not row[0].startswith("\\"):
                onset, offset, label = [*row, "", ""][:3]
                times = strict(onset), strict(offset)
                assert label or times[0] is None
                found.append((stem, *times, label))
        return found or [(stem, None, None, "")]

    files = {name: text.encode() for name, text in OWN_TABLES.items()}
    return Reader(
        files, read, lambda folder: [one(folder, name) for name in OWN_TABLES]
    )


def jams(_):
    """A JAMS file, events as rows and as columns."""
    files = own_module("label_files")
    rows = [
        {"time": 0.5, "duration": 1.0, "value": "Dog", "confidence": None},
        {"time": 2, "duration": 3.5, "value": {"label": "Cat", "role": "fg"}},
        {"time": 0.0, "duration": 9, "value": {"role": "background"}},
    ]
    columns = {key: [row[key] for row in rows[:1]] for key in rows[0]}
    content = {
        "annotations": [
            {"namespace": "tag_open", "data": rows},
            {"namespace": "beat", "data": [{"time": 1}]},
            {"namespace": "sound_event", "data": columns},
        ],
        "file_metadata": {"duration": 10.0},
    }

    def obvious(folder):
        text = (folder / "a.jams").read_bytes().decode("utf-8-sig")
        found = []
        for part in json.loads(text)["annotations"]:
            kinds = ("tag_", "scaper", "segment_open", "sound_event")
            if not part["namespace"].startswith(kinds):
                continue
            data = part["data"]
            if isinstance(data, dict):
                assert all(type(column) is list for column in data.values())
                (size,) = {len(column) for column in data.values()} or {0}
                data = [{k: v[n] for k, v in data.items()} for n in range(size)]
            for row in data:
                label = row["value"]
                if isinstance(label, dict):
                    if label.get("role") == "background":
                        continue
                    label = label["label"]
                assert isinstance(label, str)
                onset, length = row["time"], row["duration"]
                onset, length = map(float, (onset, length))
                assert math.isfinite(onset + length)
                found.append((onset, onset + length, label))
        return found

    return Reader(
        {"a.jams": json.dumps(content, indent=1).encode()},
        lambda folder: [e[1:] for e in files.jams_events(folder / "a.jams")],
        obvious,
    )


READERS = (paper_figures, own_tables, jams)
