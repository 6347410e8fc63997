"""Files read by a few lines of Python, without the package."""

import csv
import json
import math
import pathlib
import re
import zipfile

import ruamel.yaml
import torch

from speechbrain_mmsed.dataio.corpus.tables import NOTHING

NUMBER = re.compile(r"(?i)[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?inf(inity)?")


def lines_of(path):
    """Lines of a text in UTF-8 or, with its mark, in UTF-16."""
    content = path.read_bytes()
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = content.decode("utf-16" if utf16 else "utf-8-sig")
    return re.split("\r\n|\r|\n", text)


def first_line(path):
    """The first line that holds anything."""
    return next((line for line in lines_of(path) if line.strip()), "")


def cells_of(line, mark):
    """Cells of a line; quotes count where they are paired."""
    cells = line.split(mark)
    if line.count('"') % 2 == 0:
        made = csv.reader([line], delimiter=mark, skipinitialspace=True)
        cells = next(made, [])
    return [cell.strip() for cell in cells]


def rows_of(path, mark=None):
    """Cells of all lines that hold any."""
    first = first_line(path)
    mark = mark or next((mark for mark in "\t;," if mark in first), "\t")
    rows = [cells_of(line, mark) for line in lines_of(path)]
    return [cells for cells in rows if any(cells)]


def columns_of(path, *titles):
    """Cells under some titles, row by row."""
    (*head,), *rows = rows_of(path)
    if not set(titles) <= set(head):
        head = [t.lower().replace(" ", "_").removesuffix("s") for t in head]
        titles = [title.removesuffix("s") for title in titles]
    assert all(head.count(title) == 1 for title in titles), head
    assert not any(any(row[len(head) :]) for row in rows)
    rows = [row + [""] * len(head) for row in rows]
    return [tuple(row[head.index(title)] for title in titles) for row in rows]


def seconds(cell):
    """A number as a table holds it, None for an empty cell."""
    if not cell:
        return None
    assert NUMBER.fullmatch(cell.replace(",", ".")), cell
    return float(cell.replace(",", "."))


def events_of(path, finite=True):
    """(filename, onset, offset, label) of a table, None for empty cells."""
    found = []
    for name, *cells in columns_of(
        path, "filename", "onset", "offset", "event_label"
    ):
        if all(cell.lower() in NOTHING for cell in cells):
            cells = [""] * 3
        row = name, seconds(cells[0]), seconds(cells[1]), cells[2] or None
        assert not finite or all(math.isfinite(x or 0) for x in row[1:3])
        found.append(row)
    return found


def plain_rows(frame):
    """Rows of a DataFrame, None for what is missing."""
    return [
        tuple(None if x is None or x != x else x for x in row)
        for row in frame.itertuples(index=False, name=None)
    ]


def files_in(folder):
    """Name -> content of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(pathlib.Path(folder).rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


def plain_json(path):
    """What a JSON file holds."""
    return json.loads(path.read_bytes().decode())


def plain_state(state):
    """Names and values of a state dict."""
    return {str(k): value.detach().numpy() for k, value in state.items()}


def plain_torch(path):
    """A state dict of finite tensors."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            for part in archive.infolist():
                assert part.compress_type == zipfile.ZIP_STORED
    found = torch.load(path, map_location="cpu", weights_only=True)
    for name, value in found.items():
        counter = name.endswith("num_batches_tracked")
        assert value.dtype == (torch.int64 if counter else torch.float32)
        assert value.isfinite().all()
    return plain_state(found)


def plain(node):
    """A tree of ruamel's without tags."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    node = getattr(node, "value", node)
    return str(node) if isinstance(node, str) else node


def tree(path):
    """A yaml file as ruamel reads it, with tags."""
    return ruamel.yaml.YAML().load(path.read_bytes().decode("utf-8-sig"))


def plain_yaml(path):
    """What a yaml file holds, without tags."""
    return plain(tree(path))
