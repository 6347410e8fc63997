"""Files of this package that were damaged: one line, and no traceback."""

import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.dataio.corpus.features import training_statistics
from speechbrain_mmsed.dataio.corpus.log_mel_cache import LogMelCache
from speechbrain_mmsed.dataio.corpus.settings_folder import is_complete
from speechbrain_mmsed.dataio.media.sound import read_sound
from speechbrain_mmsed.files import (
    ClearError,
    DamagedFileError,
    read_arrays,
    read_json,
    write_json,
    write_text,
)
from speechbrain_mmsed.inference.folders.inputs import InputFile
from speechbrain_mmsed.inference.folders.journal import Journal, strangers
from speechbrain_mmsed.inference.folders.results import Result
from speechbrain_mmsed.lobes.frontend import LogMelFrontend
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.record import check_continuation

pytestmark = pytest.mark.faults

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3)
    | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=8,
)


def mutated(content, rng):
    """Some bytes changed, or the end cut off."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 2, 8])):
        content[rng.randrange(len(content))] = rng.randrange(256)
    if rng.random() < 0.2:
        del content[rng.randrange(len(content)) :]
    return bytes(content)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | JSON.map(json.dumps).map(str.encode))
def test_json_is_read_as_json_reads_it_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    try:
        found = read_json(path)
    except DamagedFileError as error:
        assert str(path) in str(error)
        with pytest.raises((ValueError, AssertionError)):
            assert isinstance(json.loads(content.decode()), dict)
    else:
        assert found == json.loads(content.decode())


def test_json_that_is_nested_without_end(tmp_path):
    (tmp_path / "a.json").write_text('{"a":' * 100_000)
    with pytest.raises(DamagedFileError, match="a.json is not valid JSON"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mutated_archives_are_read_as_numpy_reads_them_or_refused(
    tmp_path, save
):
    content, rng = io.BytesIO(), random.Random(1)
    save(content, a=np.arange(50), b=np.array(["x", "y"]))
    path = tmp_path / "a.npz"
    for _ in range(100):
        path.write_bytes(mutated(content.getvalue(), rng))
        try:
            found = read_arrays(path, [])
        except DamagedFileError as error:
            assert str(error).startswith(f"{path}: cannot be read (")
            continue
        with np.load(path) as expected:
            assert sorted(found) == sorted(expected.files)
            for name, array in found.items():
                np.testing.assert_array_equal(array, expected[name])


def scores():
    return ClipScores(
        ["a.wav", "b.wav"],
        [10.0, 9.0],
        ["Dog"],
        np.full((2, 1), 0.5),
        np.full((2, 8, 1), 0.5),
        [True, False],
        0.5,
    )


def test_scores(tmp_path):
    path, rng = tmp_path / "weight_1.0000.npz", random.Random(2)
    scores().save(path)
    whole = path.read_bytes()
    for _ in range(60):
        path.write_bytes(mutated(whole, rng))
        try:
            found = ClipScores.load(path)
        except DamagedFileError as error:
            assert str(error).startswith(f"{path}: ")
        else:
            assert vars(found).keys() == vars(scores()).keys()
            assert (found.frame == 0.5).all()
    np.savez(path, **{**vars(scores()), "frame_hop": [0.5, 0.5]})
    with pytest.raises(DamagedFileError, match=path.name):
        ClipScores.load(path)


def test_statistics_are_computed_again(tiny_corpus, tmp_path, caplog):
    frontend, path = LogMelFrontend(), tmp_path / "statistics.npz"
    wanted = (frontend, [tiny_corpus[1] / "manifests/weak.json"], path)
    mean, std = training_statistics(*wanted)
    whole = path.read_bytes()
    with np.load(path) as stored:
        stored = dict(stored)
    broken = io.BytesIO()
    np.savez(broken, **{**stored, "mean": np.full(64, np.nan)})
    without = io.BytesIO()
    np.savez(without, **{k: v for k, v in stored.items() if k != "states"})
    for content in (whole[:300], b"", broken.getvalue(), without.getvalue()):
        path.write_bytes(content)
        found = training_statistics(*wanted)
        torch.testing.assert_close(found, (mean, std), rtol=0, atol=0)
        # And the file is whole again.
        assert (read_arrays(path, [])["mean"] == mean.numpy()).all()


def test_manifests_and_settings(tmp_path):
    path = tmp_path / "weak.json"
    path.write_text('{"weak/a": {"wav"')
    with pytest.raises(ClearError, match=r"weak\.json .*prepare the corpus"):
        read_manifest(path)
    (tmp_path / "settings.json").write_text("{")
    (tmp_path / "CKPT+1").mkdir()
    with pytest.raises(ClearError, match=r"settings\.json is not valid"):
        check_continuation(tmp_path, {})
    with pytest.raises(ClearError, match=r"settings\.json is not valid"):
        is_complete(tmp_path, {}, "settings.json")
    frontend = LogMelFrontend()
    folder = tmp_path / "log_mel" / frontend.key()
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text("[]")
    with pytest.raises(
        ClearError, match=r"settings\.json .*expected a dict.*make it"
    ):
        LogMelCache(tmp_path / "log_mel", frontend)


def test_the_journal_of_a_folder_of_results(tmp_path):
    """What is damaged is done again; nothing of the user's is removed."""
    rng, path = random.Random(3), tmp_path / "detect.jsonl"
    (tmp_path / "a.tsv").write_text("events")
    file = InputFile(str(tmp_path / "a.tsv"), "a.wav", "a")
    record = Result(file, events=[(0.0, 1.0, "Dog", 0.9)]).to_record()
    journal = Journal(path, {"metric": "ebf1"})
    journal.claim({"a.wav": [tmp_path / "a.tsv"], "": [tmp_path / "e.tsv"]})
    journal.append("a.wav", record, [tmp_path / "a.tsv"])
    journal.own([tmp_path / "a.tsv"])
    whole = path.read_text().splitlines()

    def damaged(value):
        if rng.random() < 0.08:
            return rng.choice([None, 3, "x", [], {}, [1], True, 1e999])
        if isinstance(value, dict):
            parts = value.items()
            return {k: damaged(v) for k, v in parts if rng.random() > 0.03}
        if isinstance(value, list):
            return [damaged(part) for part in value if rng.random() > 0.03]
        return value

    reused = 0
    for number in range(150):
        if number % 2:
            content = mutated("\n".join(whole).encode(), rng)
        else:
            lines = [json.dumps(damaged(json.loads(line))) for line in whole]
            content = "\n".join(lines).encode()
        path.write_bytes(content)
        journal = Journal(path, {"metric": "ebf1"})
        result = Result.of_record(file, journal.result("a.wav"))
        if result is not None:
            reused += 1
            assert isinstance(result.events, list) and not result.failed
        strangers(tmp_path, "detect", [tmp_path / "a.tsv"])
        journal.append("b.wav", {})
    assert 0 < reused < 150 and (tmp_path / "a.tsv").exists()


def test_names_that_are_no_text_are_written_and_read(tmp_path):
    name = os.fsdecode(b"\xe9t\xe9.wav")
    write_json(tmp_path / "a.json", {name: "é"})
    assert read_json(tmp_path / "a.json") == {name: "é"}
    # Also by those who read it strictly.
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {name: "é"}
    write_text(tmp_path / "a.tsv", f"{name}\té\n")
    assert (tmp_path / "a.tsv").read_bytes() == b"\xe9t\xe9.wav\t\xc3\xa9\n"


PROGRAM = """
import sys
from speechbrain_mmsed.files import ClearError, run_program

def main(what):
    print("x" * 10)
    if what == "clear":
        raise ClearError("a.npz: cannot be read")
    if what == "folder":
        open("/proc/nowhere/a", "w")
    return 0

run_program("it.py", main, *sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("what", "output", "said"),
    [
        ("clear", os.devnull, "it.py: a.npz: cannot be read"),
        ("folder", os.devnull, "it.py: [Errno 2] No such file or directory"),
        (
            "nothing",
            "/dev/full",
            "it.py: The disk is full: the output could not",
        ),
        ("nothing", os.devnull, ""),
    ],
)
def test_programs_end_in_one_line(what, output, said):
    if not os.path.exists(output):
        pytest.skip(f"no {output} here")
    with open(output, "w") as file:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, what],
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == bool(said)
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == bool(said)


PREPARE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from builtin_corpus import CLASS_LABELS
from desed_prepare import prepare_desed
for _ in range(2):  # made, and found unchanged
    prepare_desed(sys.argv[2], f"{sys.argv[2]}/prepared", list(CLASS_LABELS))
"""


def test_a_corpus_in_a_folder_whose_name_is_no_text_is_prepared(
    tiny_corpus, tmp_path
):
    data = os.path.join(tmp_path, os.fsdecode(b"\xe9t\xe9"))
    shutil.copytree(tiny_corpus[0], data)
    sounds = os.path.join(data, "audio", "train", "weak")
    with open(os.path.join(sounds, os.fsdecode(b"\xff.wav")), "wb") as file:
        file.write(b"not in the table")
    recipe = pathlib.Path(__file__).resolve().parents[1] / "recipes/DESED"
    # In a process of its own, whose output may be no text either.
    words = [sys.executable, "-c", PREPARE, str(recipe), data]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 0, ascii(done.stderr[-500:])
    path = os.path.join(data, "prepared", "manifests", "weak.json")
    clips = read_manifest(path)
    assert clips
    for clip in clips.values():
        assert len(read_sound(clip["wav"], 16000)) > 0
