"""Every program on a disk that is too small: a line, and nothing is lost.

`MMSED_FULL=10 pytest -m faults tests/test_full_disk.py` fills the disk at ten
places in each. The disk is a file system in memory, so this is for Linux. It
grows after every failure, and the same command goes on, until it comes to its
end.
"""

import json
import os
import random
import shutil
import subprocess
import sys

import programs
import pytest

from speechbrain_mmsed.files import LEFTOVER

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

FULL = int(os.environ.get("MMSED_FULL", 2))
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]
# What is said where a disk is full; what is kept of the disk each time.
ON_A_DISK = """
import json, os, shutil, subprocess, sys
import warm

disk, kept, sizes, words, begun = json.loads(sys.argv[1])
warm.load()
mount = ["mount", "-t", "tmpfs", "tmpfs", disk, "-o"]
subprocess.run([*mount, "size=1g"], check=True)
if begun:
    shutil.copytree(begun, f"{disk}/out")
tries = []
for number, size in enumerate(sizes):
    subprocess.run([*mount, f"remount,size={size}k"], check=True)
    code = warm.wait(warm.start(words, f"{kept}/{number}.said"))
    tries.append((size, code))
    shutil.copytree(disk, f"{kept}/{number}", symlinks=True)
    if not code:
        break
json.dump(tries, open(f"{kept}/tries.json", "w"))
"""


@pytest.fixture(scope="module")
def own_mounts():
    """Skips where this user cannot make a file system of a given size."""
    if not shutil.which("unshare") or subprocess.call([*OWN_MOUNTS, "true"]):
        pytest.skip("no user namespaces here")


def on_a_small_disk(program, folder, sizes):
    """(KB, exit code, what was said, folder) of each try, with these KB."""
    disk, kept = folder / "disk", folder / "kept"
    disk.mkdir()
    kept.mkdir()
    words = program.command(disk / "out")
    asked = [str(disk), str(kept), sizes, words]
    asked.append(program.begun and str(program.begun))
    subprocess.run(
        [*OWN_MOUNTS, sys.executable, "-c", ON_A_DISK, json.dumps(asked)],
        env=programs.environment(program.pictures),
        check=True,
    )
    tries = json.loads((kept / "tries.json").read_text())
    return [
        (size, code, (kept / f"{n}.said").read_text(), kept / f"{n}/out")
        for n, (size, code) in enumerate(tries)
    ]


def used_kilobytes(folder):
    """What a folder takes in blocks of 4 KB."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(4 * -(-path.stat().st_size // 4096) for path in files)


def test_a_full_disk(program, own_mounts, tmp_path):
    expected, rng = program.expected, random.Random(len(program.name))
    size = used_kilobytes(program.whole)
    least = used_kilobytes(program.begun) if program.begun else 0
    # Nothing at all fits, then parts of it, and at last twice as much.
    parts = [0, *((n + rng.random()) / FULL for n in range(FULL))]
    sizes = [least + 4 + int(part * (size - least)) for part in parts]
    sizes.append(2 * size + 4096)
    made_in = tmp_path / "disk/out"
    *failed, (_, code, said, out) = on_a_small_disk(program, tmp_path, sizes)
    assert code == 0, said[-2000:]
    found = program.found(out, made_in)
    assert found.keys() == expected.keys()
    for name, held in expected.items():
        assert found[name] == held, name
    assert failed
    for size, code, said, out in failed:
        where = f"{size} KB: {said[-2000:]}"
        assert code in (1, 2), where
        assert "Traceback" not in said, where
        told = [line for line in said.splitlines() if "is full" in line]
        assert told and str(tmp_path / "disk") in told[-1], where
        assert "Make room" in told[-1], where
        left = [p.name for p in out.rglob("*") if LEFTOVER.fullmatch(p.name)]
        assert not left
        # What is there under its final name is whole.
        for name, held in program.found(out, made_in).items():
            assert held == expected[name] or program.is_interim(name), name
    print(f"{program.name}: {len(failed)} full disks, then equal")
