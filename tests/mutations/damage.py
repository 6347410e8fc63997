"""Ways to damage the content of a file, drawn by a generator."""

import io
import json
import pathlib
import re
import struct
import warnings
import zipfile

NUMBERS = (
    *("0", "-1", "-0.0", "1e309", "-1e309", "nan", "NaN", "inf", "-Infinity"),
    *("1e18", "1e-320", "99999999999999999999", "2147483648", "1_0", "1,5"),
    *("0x10", "1e5", "\u0661", "", "null", "true", '"', "'7'", "1 2"),
)


SNIPPETS = (
    *(b'"', b"'", b'""', b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\0\0", b"\r"),
    *(b"\r\n", b"\n", b"\n\n", b"\t", b",", b";", b"|", b"#", b"\\", b"\xff"),
    *(b"\xe9", "\u2028".encode(), "\x85".encode(), b"\x0c", b"NA", b"null"),
    *(b"../", b"<b>", b"{", b"}", b"[", b"]", b": ", b"- ", b"&a ", b"*a "),
    *(b"!!python/object:os.x ", b"!new:os.x ", b"%"),
)


TYPES = (
    *("<f2", "<f4", "<f8", ">f4", ">f2", "<i2", "<i4", "<i8", "|u1", "|b1"),
    *("<c8", "<U1", "<U4", "|S2", "|S4", "<m8[s]", "|O", "<U99999999"),
)


ODD = (
    *(None, True, 0, -1, 1e309, float("nan"), 10**30, "", "x", "1", [], {}),
    *([[]], {"a": None}, [1, 2, 3], "\0", "../a", "\ud800", 0.5, [None] * 9),
)


NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?")


def _some(content, rng):
    """Begin and end of a block, short ones more often than long ones."""
    first = rng.randrange(len(content) + 1)
    return first, min(len(content), first + int(2 ** rng.uniform(0, 9)))


def bits(content, rng):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8]) if content else 0):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def values(content, rng):
    content = bytearray(content)
    for _ in range(rng.choice([1, 2, 8]) if content else 0):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def cut(content, rng):
    return content[: rng.randrange(len(content) + 1)]


def hole(content, rng):
    first, last = _some(content, rng)
    return content[:first] + content[last:]


def zeros(content, rng):
    first, last = _some(content, rng)
    return content[:first] + bytes(last - first) + content[last:]


def inserted(content, rng):
    first = rng.randrange(len(content) + 1)
    return content[:first] + rng.choice(SNIPPETS) + content[first:]


def long(content, rng):
    """More than a cell of Python's csv may hold."""
    first = rng.randrange(len(content) + 1)
    return content[:first] + b"x" * 200_000 + content[first:]


def in_front(content, rng):
    return rng.choice(SNIPPETS) + content


def doubled(content, rng):
    first, last = _some(content, rng)
    return content[:last] + content[first:]


def swapped(content, rng):
    (a, b), (c, d) = sorted([_some(content, rng), _some(content, rng)])
    b = min(b, c)
    parts = content[c:d], content[b:c], content[a:b], content[d:]
    return content[:a] + b"".join(parts)


def integer(content, rng):
    size, least = rng.choice([(1, "B"), (2, "H"), (4, "I"), (8, "Q")])
    most = 2 ** (8 * size) - 1
    number = rng.choice([0, 1, most, most // 2, most // 2 + 1, most // 4])
    at = rng.randrange(max(1, len(content) - size))
    packed = struct.pack(rng.choice("<>") + least, number)
    return content[:at] + packed + content[at + size :]


def nothing(content, rng):
    return b""


def number(content, rng):
    found = list(NUMBER.finditer(content))
    if not found:
        return bits(content, rng)
    at, new = rng.choice(found), rng.choice(NUMBERS).encode()
    return content[: at.start()] + new + content[at.end() :]


def lines(content, rng):
    rows = content.split(b"\n")
    one, other = rng.randrange(len(rows)), rng.randrange(len(rows))
    rows[one], rows[other] = rng.choice(
        [
            (rows[other], rows[one]),
            (rows[one], rows[one]),
            (rows[one] + rows[other], b""),
            (rows[one].rpartition(b"\t")[0], rows[other]),
        ]
    )
    return b"\n".join(rows)


def cells(content, rng):
    mark = rng.choice([b"\t", b",", b";", b" ", b":"])
    parts = re.split(rb"([\t\n,;:])", content)
    one, other = 2 * rng.randrange(-(-len(parts) // 2)), rng.random()
    part = parts[one]
    parts[one] = rng.choice(
        [
            *(b'"' + part + b'"', b'"' + part, part + b'"', b" " + part),
            *(part + mark + part, b"", part.upper(), b"'" + part + b"'"),
            rng.choice(parts),
        ]
    )
    if other < 0.2:
        return b"".join(parts).replace(b"\t", mark)
    return b"".join(parts)


def encoded(content, rng):
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return bits(content, rng)
    ways = ("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "latin-1", "cp1252")
    ends = rng.choice(["\n", "\r\n", "\r", "\n\n"])
    return text.replace("\n", ends).encode(rng.choice(ways), "replace")


def head_of_array(content, rng):
    """A .npy whose head says something else, and is whole."""
    if content[:6] != b"\x93NUMPY" or len(content) < 12:
        return bits(content, rng)
    size = struct.unpack("<H", content[8:10])[0]
    text = content[10 : 10 + size].decode("latin-1")
    way = rng.randrange(3)
    if way == 0:
        text = re.sub(
            "'descr': '[^']*'", f"'descr': '{rng.choice(TYPES)}'", text
        )
    elif way == 1:
        text = text.replace("False", "True")
    else:
        text = number(text.encode("latin-1"), rng).decode("latin-1")
    text = text.strip()
    text += " " * (-(len(text) + 11) % 64) + "\n"
    text = text.encode("latin-1", "replace")
    return (
        content[:8] + struct.pack("<H", len(text)) + text + content[10 + size :]
    )


def members(content, rng):
    """A whole archive of which one member is another, or is not there."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [(i.filename, archive.read(i)) for i in archive.infolist()]
    except Exception:  # by an earlier damage
        return bits(content, rng)
    if not parts:
        return bits(content, rng)
    one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    (name, inside), (there, strange) = parts[one], parts[other]
    way = rng.randrange(7)
    if way < 4:
        parts[one] = name, damaged(name, inside, rng)
    elif way == 4:
        new = (there, f"{name}x", f"../{name}", name.upper(), name[:-4], "\0")
        parts[one] = rng.choice(new), inside
    elif way == 5:
        parts[one], parts[other] = (name, strange), (there, inside)
    else:
        del parts[one]
    made = io.BytesIO()
    packing = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", packing) as new:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, inside in parts:
            new.writestr(name.strip("\0") or "x", inside)
    return made.getvalue()


def nodes(content, rng):
    """A whole JSON of which one value is another, or is not there."""
    try:
        tree = json.loads(content)
    except ValueError:  # by an earlier damage
        return bits(content, rng)
    places, waiting = [], [tree] if isinstance(tree, dict | list) else []
    while waiting:
        held = waiting.pop()
        keys = held if isinstance(held, dict) else range(len(held))
        places += [(held, key) for key in keys]
        waiting += [held[k] for k in keys if isinstance(held[k], dict | list)]
    if not places:
        return bits(content, rng)
    (held, key), way = rng.choice(places), rng.randrange(6)
    if way == 0:
        del held[key]
    elif way == 1:
        other, at = rng.choice(places)
        held[key] = json.loads(json.dumps(other[at]))
    elif way == 2 and isinstance(held, dict):
        held[rng.choice(["", "x", f"{key} ", str(key).upper()])] = held.pop(key)
    elif way == 3:
        return json.dumps(rng.choice([held, held[key], [tree]])).encode()
    else:
        held[key] = rng.choice(ODD)
    return json.dumps(tree, indent=1, ensure_ascii=rng.random() < 0.5).encode(
        errors="surrogatepass"
    )


ANY = (
    *(bits, bits, values, cut, hole, zeros, inserted, inserted, in_front),
    *(doubled, swapped, integer, integer, nothing),
)


TEXT = (*(number,) * 6, *(lines,) * 4, *(cells,) * 6, encoded, encoded)


OF_ENDING = {
    **dict.fromkeys((".npz", ".ckpt", ".pth"), (members,) * 30),
    **dict.fromkeys((".json", ".jams"), (nodes,) * 20),
    **dict.fromkeys((".tsv", ".csv", ".txt"), (long,)),
    ".npy": (head_of_array,) * 10,
}


def damaged(name, content, rng):
    """A variant of the content of a file of this name."""
    ways = ANY + OF_ENDING.get(pathlib.PurePath(name).suffix, ())
    if b"\0" not in content[:1000]:
        ways += TEXT
    before = content
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = rng.choice(ways)(content, rng)
    return content if content != before else bits(content, rng)
