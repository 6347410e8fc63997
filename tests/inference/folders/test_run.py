"""Many recordings: order, failures, and what an interruption leaves."""

import dataclasses
import errno
import json
import os
import wave

import numpy as np
import pytest
import soundfile

from speechbrain_mmsed.folders import remove_leftovers
from speechbrain_mmsed.inference import DetectionError
from speechbrain_mmsed.inference.folders import run as run_module
from speechbrain_mmsed.inference.folders.inputs import collect
from speechbrain_mmsed.inference.folders.journal import Journal, strangers
from speechbrain_mmsed.inference.folders.run import (
    Finder,
    Outputs,
    detect_all,
)
from speechbrain_mmsed.inference.folders.segments import write_segments
from speechbrain_mmsed.inference.folders.tables import kind
from speechbrain_mmsed.inference.formats import FORMATS


@pytest.fixture
def files(recordings):
    return collect([recordings]).files


@pytest.fixture
def run(made_up, files, tmp_path):
    """Detects with a new journal object, as a new call would."""

    def start(settings=None, forms=("tsv", "webvtt"), taken=files):
        journal = Journal(tmp_path / "out/detect.jsonl", settings or {})
        outputs = Outputs(tmp_path / "out", forms)
        made_up.listened.clear()
        find = Finder(made_up, outputs)
        results = detect_all(taken, find, outputs, journal)
        return [result for result, _ in results]

    return start


def test_results_come_in_order_and_failures_among_them(run, made_up, tmp_path):
    results = run()
    assert [result.file.name for result in results] == [
        *("1.wav", "2.wav", "3.wav", "4.wav", "deep/5.mp4", "deep/5.wav"),
    ]
    assert [result.failed for result in results] == [False, True, True] + [
        False
    ] * 3
    assert results[1].reason == "absent: no sound track"
    assert "convert" in results[1].message
    assert "unexpected ZeroDivisionError: nobody" in results[2].message
    assert [len(result.events) for result in results] == [1, 0, 0, 0, 2, 3]
    written = {
        str(path.relative_to(tmp_path / "out"))
        for path in (tmp_path / "out").rglob("*.*")
    }
    assert written == {
        "detect.jsonl",
        *(
            name + suffix
            for name in ("1", "4", "deep/5.mp4", "deep/5.wav")
            for suffix in (".tsv", ".vtt")
        ),
    }
    text = (tmp_path / "out/deep/5.mp4.tsv").read_text()
    assert "deep/5.mp4\t0.0\t1.0\tDog\t0.7500\n" in text


def sine(seconds, rate=44100):
    """(samples, 2) whose two channels are one sound and silence."""
    sound = np.sin(np.arange(round(seconds * rate)) / 9)
    return np.stack([0.5 * sound, np.zeros(len(sound))], 1)


EVENTS = [
    *((0.0, 0.5, "Dog", 0.9), (0.25, 12.75, "Cat / cow", 0.8)),
    *((0.25, 1.0, "Cat : cow", 0.8), (12.3, 12.99, "Größe", 0.7)),
]


def test_segments_are_the_sound_of_their_events(sounds, tmp_path):
    path = tmp_path / "a b.wav"
    sounds.write_wav(path, sine(13.0), rate=44100)
    whole, _ = soundfile.read(path)
    folder = tmp_path / "out/a b.segments"
    write_segments(path, EVENTS, folder)
    names = [
        *("a_b_Dog_00000.000.wav", "a_b_Cat_cow_00000.250.wav"),
        *("a_b_Cat_cow_00000.250~2.wav", "a_b_Größe_00012.300.wav"),
    ]
    assert {p.name for p in folder.iterdir()} == set(names)
    for (onset, offset, *_), name in zip(EVENTS, names, strict=True):
        found, rate = soundfile.read(folder / name)
        expected = whole[round(onset * 44100) : round(offset * 44100)]
        assert rate == 44100 and found.shape == expected.shape[:1]
        np.testing.assert_allclose(found, expected.mean(1), atol=1e-4)
    # Other events take the place of all of these.
    write_segments(path, EVENTS[:1], folder)
    assert [p.name for p in folder.iterdir()] == names[:1]
    path.write_bytes(b"no sound")
    with pytest.raises(DetectionError, match="a b.wav: its sound is"):
        write_segments(path, EVENTS, folder)
    assert [p.name for p in folder.iterdir()] == names[:1]
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    with pytest.raises(DetectionError, match="among those of another"):
        write_segments(path, EVENTS, folder / "b.segments")


def test_segments_are_all_there_or_none(sounds, tmp_path, monkeypatch):
    sounds.write_wav(tmp_path / "a.wav", sine(2.0, 8000), rate=8000)
    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    with pytest.raises(OSError, match="disk is full: .*a.segments"):
        write_segments(
            str(tmp_path / "a.wav"),
            [(0.0, 0.5, "Dog", 0.9)],
            tmp_path / "out/a.segments",
        )
    assert list((tmp_path / "out").iterdir()) == []
    # What a kill leaves is removed by a later call.
    left = tmp_path / f"out/.{'0' * 32}.tmp"
    left.mkdir()
    (left / "a.wav").write_bytes(b"half")
    assert remove_leftovers(tmp_path / "out") == 0  # may still be written
    assert remove_leftovers(tmp_path / "out", -1) == 1 and not left.exists()


def full(self, frames):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_segments_are_written_once_and_go_with_their_recording(
    made_up, files, sounds, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        run_module,
        "write_segments",
        lambda path, events, folder: write_segments(
            tmp_path / "sound.wav", events, folder
        ),
    )
    sounds.write_wav(tmp_path / "sound.wav", sine(5.0, 8000), rate=8000)
    cut = tmp_path / "cut"

    def call(settings):
        journal = Journal(tmp_path / "out/detect.jsonl", settings)
        outputs = Outputs(tmp_path / "out", ["tsv"], cut=cut)
        made_up.listened.clear()
        paths = [p for f in files for p in outputs.paths(f).values()]
        foreign = strangers(tmp_path / "out", "detect", paths)
        found = detect_all(files, Finder(made_up, outputs), outputs, journal)
        return foreign, [result for result, _ in found]

    assert call({})[0] == []
    written = {str(p.relative_to(cut)) for p in cut.rglob("*.wav")}
    assert written == {
        "1.segments/1_Dog_00000.000.wav",
        *(
            f"deep/5.mp4.segments/5.mp4_{e}"
            for e in ("Dog_00000.000.wav", "Cat_00002.000.wav")
        ),
        *(f"deep/5.wav.segments/5.wav_Cat_0000{n}.000.wav" for n in "024"),
    }
    assert (cut / "4.segments").is_dir()  # which has no events
    assert call({})[0] == [] and len(made_up.listened) == 2
    # A segment that is gone is cut again.
    (cut / "1.segments/1_Dog_00000.000.wav").unlink()
    foreign, _ = call({})
    assert foreign == [str(cut / "1.segments")] and len(made_up.listened) == 3
    # Those of a recording that fails now would be taken for its own.
    with open(files[0].path, "w") as file:
        file.write("mute")
    _, results = call({})
    assert results[0].failed and not (cut / "1.segments").exists()


def test_a_new_call_does_only_what_is_not_done(run, made_up):
    first = run()
    again = run()
    listened = [path.rsplit("/", 1)[1] for path in made_up.listened]
    assert listened == ["2.wav", "3.wav"]
    for one, two in zip(first, again, strict=True):
        assert two.reused != two.failed
        assert (one.events, one.tags, one.clip, one.streams) == (
            *(two.events, two.tags, two.clip, two.streams),
        )


def test_other_settings_changed_files_and_lost_results_are_done(
    run, made_up, files, tmp_path
):
    run()
    run(settings={"metric": "sbf1"})
    assert len(made_up.listened) == 6
    (tmp_path / "out/1.vtt").unlink()
    with open(files[3].path, "w") as file:
        file.write("dd")
    results = run(settings={"metric": "sbf1"})
    listened = [path.rsplit("/", 1)[1] for path in made_up.listened]
    assert listened == ["1.wav", "2.wav", "3.wav", "4.wav"]
    assert len(results[3].events) == 2
    run(settings={"metric": "sbf1"}, forms=("tsv", "json"))
    assert len(made_up.listened) == 6


def test_results_of_other_settings_are_not_taken_for_the_wanted(
    run, made_up, tmp_path
):
    run({"metric": "ebf1"}, ["tsv"])
    run({"metric": "sbf1"}, ["json"])
    table = tmp_path / "out/1.tsv"
    table.write_text("of ebf1")
    run({"metric": "sbf1"}, ["tsv", "json"])
    assert len(made_up.listened) == 6 and "Dog" in table.read_text()
    run({"metric": "sbf1"}, ["tsv", "json"])
    assert len(made_up.listened) == 2
    # Nor those that somebody has changed.
    table.write_text("of ebf1")
    run({"metric": "sbf1"}, ["tsv", "json"])
    assert len(made_up.listened) == 3


def test_results_of_another_recording_of_the_stem_are_not_taken(
    run, made_up, tmp_path
):
    (tmp_path / "other").mkdir()
    (tmp_path / "film.flac").write_text("d")
    (tmp_path / "other/film.wav").write_text("c")
    (flac,) = collect([tmp_path / "film.flac"]).files
    (wav,) = collect([tmp_path / "other/film.wav"]).files
    assert flac.stem == wav.stem
    for taken, label in ((flac, "Dog"), (wav, "Cat"), (flac, "Dog")):
        (result,) = run(taken=[taken])
        assert not result.reused
        assert label in (tmp_path / "out/film.tsv").read_text()
    assert run(taken=[flac])[0].reused


def test_old_results_of_what_fails_now_are_removed(
    run, made_up, files, tmp_path
):
    run({"metric": "ebf1"}, ["tsv", "webvtt", "json"])
    corrected = tmp_path / "out/1.vtt"
    corrected.write_text("corrected by hand")
    with open(files[0].path, "w") as file:
        file.write("mute")
    (result, *_) = run({"metric": "sbf1"}, ["tsv"])
    assert result.failed
    left = {path.name for path in (tmp_path / "out").glob("1.*")}
    assert left == {"1.vtt"}
    assert corrected.read_text() == "corrected by hand"
    assert (tmp_path / "out/4.tsv").is_file()


def test_an_interrupted_call_is_gone_on_with(run, made_up, files, tmp_path):
    journal = Journal(tmp_path / "out/detect.jsonl", {})
    outputs = Outputs(tmp_path / "out", ("tsv", "webvtt"))
    find = Finder(made_up, outputs)
    for result, _ in detect_all(files, find, outputs, journal):
        if result.file.name == "4.wav":
            break
    # The end of a killed program: half a line.
    with open(journal.path, "a") as file:
        file.write('{"name": "deep/5.mp4", "resu')
    run()
    listened = [path.rsplit("films/", 1)[1] for path in made_up.listened]
    assert listened == ["2.wav", "3.wav", "deep/5.mp4", "deep/5.wav"]
    run()
    assert len(made_up.listened) == 2


def test_files_of_a_killed_call_are_the_program_s_own(
    run, made_up, files, tmp_path
):
    journal = Journal(tmp_path / "out/detect.jsonl", {})
    outputs = Outputs(tmp_path / "out", ("tsv", "webvtt"))
    results = detect_all(files, Finder(made_up, outputs), outputs, journal)
    next(results)
    # Written, and killed before the journal was told.
    Outputs(tmp_path / "out", ["tsv"]).write(
        files[3], next(made_up.detect_files([files[3].path]))[1]
    )
    table = tmp_path / "out/4.tsv"
    assert table.exists() and Journal(journal.path, {}).owns(table)
    assert strangers(tmp_path / "out", "detect", [table]) == []
    table.with_name("mine.tsv").write_text("mine")
    assert not Journal(journal.path, {}).owns(table.with_name("mine.tsv"))
    run()
    table.write_text("corrected by hand")
    assert strangers(tmp_path / "out", "detect", [table]) == [table]


def test_a_name_that_the_disc_refuses_fails_alone(
    run, made_up, files, tmp_path
):
    too_long = dataclasses.replace(files[0], stem="a" * 300)
    results = run(taken=[too_long, *files[3:]])
    assert [result.failed for result in results] == [True, *[False] * 3]
    assert "File name too long" in results[0].message
    assert "shorter" in results[0].message
    assert kind(results[0].reason) == "its results cannot be written"


def test_a_long_name_of_a_recording_is_no_failure(run, tmp_path):
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / ("a" * 251 + ".wav")).write_text("d")
    taken = collect([tmp_path / "long"]).files
    for reused in (False, True):
        (result,) = run(taken=taken, forms=list(FORMATS))
        assert not result.failed and result.reused == reused
    left = [p.name for p in (tmp_path / "out").iterdir() if "~" in p.name]
    left = ["." + name.split(".", 1)[1] for name in left]
    assert sorted(left) == sorted(form.suffix for form in FORMATS.values())


def test_a_recording_that_is_gone_fails_alone(
    run, made_up, files, monkeypatch, tmp_path
):
    find = made_up.detect_files

    def then_gone(paths, **how):
        for path, detection in find(paths, **how):
            if path == files[3].path:
                os.remove(path)
            yield path, detection

    monkeypatch.setattr(made_up, "detect_files", then_gone)
    os.remove(files[4].path)
    results = run(forms=["tsv", "html"], taken=[*files[3:], files[0]])
    assert [result.failed for result in results] == [True, True, False, False]
    assert "FileNotFoundError" in results[1].message
    assert "cannot be read any more" in results[0].message
    # Nothing half: the table had been written before the page.
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert "4.tsv" not in left and {"1.tsv", "1.html"} <= left


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_full_disc_or_a_denied_folder_ends_the_call(
    run, made_up, monkeypatch, number
):
    def refuse(source, target):
        if str(target).endswith(".tsv"):
            raise OSError(number, os.strerror(number), target)
        return replace(source, target)

    replace = os.replace
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError) as caught:
        run()
    assert caught.value.errno == number and len(made_up.listened) == 1


def test_pictures_are_drawn(run, made_up, files, tmp_path):
    pytest.importorskip("matplotlib")
    outputs = Outputs(tmp_path / "out", ["tsv"], with_picture=True)
    list(Finder(made_up, outputs)(files[:1]))
    assert (tmp_path / "out/1.png").read_bytes().startswith(b"\x89PNG")


def test_a_wrong_call_is_no_failure_of_a_file(made_up, files, monkeypatch):
    def refuse(paths, **how):
        raise DetectionError("no such metric")
        yield

    monkeypatch.setattr(made_up, "detect_files", refuse)
    with pytest.raises(DetectionError, match="no such metric"):
        list(Finder(made_up)(files))


def test_a_journal_of_the_first_version_is_understood(
    run, made_up, files, tmp_path
):
    run({"metric": "ebf1"}, ["tsv"])
    journal = tmp_path / "out/detect.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    done, failed = {"name", "result", "outputs"}, {"name", "result"}
    assert [set(line) for line in lines] == [
        *({"settings"}, {"owned"}, {"claimed"}),
        *(done, failed, failed, done, done, done),
    ]
    for line in lines:
        if line.get("result"):
            del line["result"]["remark"]  # came later
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = run({"metric": "ebf1"}, ["tsv"])
    assert [r.reused for r in results if not r.failed] == [True] * 4
    assert results[0].remark == ""
