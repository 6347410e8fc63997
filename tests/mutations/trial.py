"""A process in which readers are tried on damaged files.

A case is the name of a reader and a number: the same pair is the same damage
on any machine. The process says after each case what became of it; one that
hangs or crashes is ended and named, and the next cases go on in a new one.
"""

import json
import logging
import os
import pathlib
import random
import resource
import select
import signal
import time
import traceback
import warnings
from dataclasses import dataclass, field

import numpy as np
from mutations.damage import damaged

from speechbrain_mmsed.files import ClearError

MOST_SECONDS = 5.0  # of the processor, for a case


PATIENCE = 30.0  # seconds in which other processes may be at work as well


MEMORY = 2**31  # bytes beyond those that the process begins with


@dataclass
class Reader:
    """A reader of files, and a second one that is too plain to be wrong.

    `read` and `obvious` take the folder of the files and give plain values.
    `errors` are those that are an answer; of a message the first line has to
    name a file, and `lines` says how many there may be.
    """

    files: dict  # name -> content
    read: callable
    obvious: callable
    damage: tuple = ()  # names of the files that are damaged; (): any
    share: float = 1.0  # of the number of cases
    errors: tuple = (ClearError,)
    lines: int = 1
    names: tuple = ()  # what a message may name instead of a file
    heals: bool = False  # whether it does without a damaged file
    alone: bool = False  # whether it is a program of its own, which may end


@dataclass
class Found:
    """What became of the cases of a reader."""

    refused: int = 0
    accepted: int = 0
    slowest: float = 0.0  # seconds
    problems: list = field(default_factory=list)

    @property
    def cases(self):
        return self.refused + self.accepted + len(self.problems)


def tried(name, reader, count, folder):
    """What became of the whole files, and of `count` damaged ones."""
    found, number = Found(), -1
    folder.mkdir()
    for file, content in reader.files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    while number < count:
        number = _batch(name, reader, number, count, folder, found)
    return found


def _batch(name, reader, number, count, folder, found):
    """Runs cases in one process; the number of the next one."""
    end, begin = os.pipe()
    child = os.fork()
    if not child:
        os.close(end)
        _work(name, reader, range(number, count), folder, begin)
    os.close(begin)
    with os.fdopen(end, "rb", buffering=0) as pipe:
        rest = b""
        while number < count:
            ready, *_ = select.select([pipe], [], [], PATIENCE)
            new = pipe.read(1 << 16) if ready else b""
            if not new:
                what = "it crashed" if ready else f"not within {PATIENCE} s"
                what = "refused" if reader.alone else what
                _note(f"{name} {number}", [what, 0.0], found)
                number += 1
                break
            *told, rest = (rest + new).split(b"\n")
            for line in map(json.loads, told):
                _note(f"{name} {number}", line, found)
                number += 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return number


def _note(case, line, found):
    """Counts a case."""
    what, seconds = line
    found.slowest = max(found.slowest, seconds)
    if what in ("refused", "accepted"):
        setattr(found, what, getattr(found, what) + 1)
    else:
        found.problems.append(f"{case}: {what}")


def _work(name, reader, numbers, folder, pipe):
    """What the process does; it does not come back."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(null, stream)
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        for number in numbers:
            file, content = case(name, reader, number)
            (folder / file).write_bytes(content)
            begin = time.process_time()
            what = outcome(reader, folder, len(content))
            seconds = time.process_time() - begin
            if seconds > MOST_SECONDS:
                what = f"it took {seconds:.1f} s: {what}"
            if number < 0 and what != "accepted":
                what = f"whole files: {what}"
            os.write(pipe, json.dumps([what[:3000], seconds]).encode() + b"\n")
            (folder / file).write_bytes(reader.files[file])
    except BaseException:
        told = json.dumps([traceback.format_exc()[-3000:], 0.0])
        os.write(pipe, told.encode() + b"\n")
    finally:
        os._exit(0)


def case(name, reader, number):
    """Name and content of the file that is damaged in a case; -1 is whole."""
    rng = random.Random(f"{name} {number}")
    file = rng.choice(reader.damage or tuple(reader.files))
    content = reader.files[file]
    return file, damaged(file, content, rng) if number >= 0 else content


def outcome(reader, folder, size):
    """What became of a case, in words."""
    try:
        found = reader.read(folder)
    except reader.errors as error:
        return _complaint(str(error), reader, size) or "refused"
    except Exception:
        return f"traceback: {traceback.format_exc()[-1500:]}"
    try:
        expected = reader.obvious(folder)
    except Exception as error:
        return f"accepted {found!r:.500}, the second reader says {error!r:.500}"
    try:
        np.testing.assert_equal(found, expected)
    except AssertionError:
        return f"other values: {found!r:.900}, expected {expected!r:.900}"
    return "accepted"


def _complaint(text, reader, size):
    """What is wrong with a message, or nothing."""
    first, *more = text.split("\n")
    if len(more) >= reader.lines:
        return f"a message of {len(more) + 1} lines: {text}"
    if not any(name in first for name in (*reader.files, *reader.names)):
        return f"no file is named: {text}"
    if len(first) > 2000 + size:
        return f"a message of {len(first)} characters: {text[:300]}"
    return ""
