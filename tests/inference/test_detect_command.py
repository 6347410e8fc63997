"""`mmsed detect` and `mmsed tag`, with a small exported detector."""

import errno
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from speechbrain_mmsed.cli import detect, main, make_parser
from speechbrain_mmsed.dataio.corpus.tables import read_event_table
from speechbrain_mmsed.inference import SoundEventDetector
from speechbrain_mmsed.inference.formats import FORMATS
from speechbrain_mmsed.inference.formats.values import in_order
from speechbrain_mmsed.inference.weights import StreamEmbedders


@pytest.fixture(scope="module")
def model(exported):
    return str(exported[0])


@pytest.fixture(scope="module")
def films(tmp_path_factory, sounds):
    """Two recordings of one stem, one without sound, one of no use."""
    folder = tmp_path_factory.mktemp("films")
    sounds.write_wav(folder / "a.wav", sounds.noise(12.3, seed=1))
    (folder / "b").mkdir()
    shutil.copy(folder / "a.wav", folder / "b/a.aiff")
    sounds.write_wav(folder / "b/a.wav", sounds.noise(3, 8000, 2, seed=2), 8000)
    (folder / "broken.mp4").write_bytes(b"no film")
    (folder / "notes.txt").write_text("no sound")
    return folder


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_one_file_is_printed_as_the_detector_finds_it(
    model, films, detector, capsys
):
    assert run("detect", films / "a.wav", "--model", model) == 0
    printed = capsys.readouterr()
    found = pd.read_csv(pd.io.common.StringIO(printed.out), sep="\t")
    expected = detector.detect_file(films / "a.wav").events
    assert len(expected) and list(found.columns) == list(expected.columns)
    expected = expected.sort_values(["onset", "offset", "event_label"])
    assert found["event_label"].tolist() == expected["event_label"].tolist()
    for column in ("onset", "offset", "score"):
        assert found[column].to_numpy() == pytest.approx(
            expected[column].to_numpy(), abs=1e-4
        )
    assert set(found["filename"]) == {"a.wav"}
    assert "1 recording: 1 done, 0 failed" in printed.err
    assert printed.err.splitlines()[-1].startswith("results: printed above")


def test_a_folder_is_done_but_for_what_is_broken(
    model, films, tmp_path, capsys
):
    out = tmp_path / "out"
    options = ("--out", out, "--format", ",".join(FORMATS))
    assert run("detect", films, "--model", model, *options) == 1
    printed = capsys.readouterr()
    assert f"FAILED {films / 'broken.mp4'}: its sound is unread" in printed.err
    assert "4 recordings: 3 done, 1 failed" in printed.out
    assert "failed: unreadable 1" in printed.out
    assert "files of other kinds left out: .txt 1" in printed.out
    last = printed.out.splitlines()[-1]
    assert last.startswith(f"results: {out} (index.html, events.tsv, files.tsv")
    written = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    each = {
        stem + form.suffix
        for stem in ("a", "b/a.aiff", "b/a.wav")
        for form in FORMATS.values()
    }
    common = {"index.html", "events.tsv", "files.tsv", "detect.jsonl"}
    assert written == each | common
    events = read_event_table(out / "events.tsv")
    assert set(events["filename"]) == {"a.wav", "b/a.aiff", "b/a.wav"}
    # The same sound in two files has the same events.
    one, two = (
        events[events["filename"] == name][["onset", "offset", "event_label"]]
        for name in ("a.wav", "b/a.aiff")
    )
    assert one.to_numpy().tolist() == two.to_numpy().tolist()
    state = {p: p.stat().st_mtime_ns for p in out.rglob("a*.*")}
    assert run("detect", films, "--model", model, *options) == 1
    assert "3 done (3 of them before)" in capsys.readouterr().out
    assert state == {p: p.stat().st_mtime_ns for p in out.rglob("a*.*")}


def test_json_is_printed_as_a_line_for_each_recording(model, films, capsys):
    options = ("--format", "json", "--primary-weight", 1)
    run("detect", films / "b", "--model", model, *options)
    lines = capsys.readouterr().out.splitlines()
    content = [json.loads(line) for line in lines]
    assert [c["filename"] for c in content] == ["a.aiff", "a.wav"]
    assert content[1]["duration"] == 3.0


def test_boxes_have_their_confidence_in_every_format(
    model, films, detector, capsys, tmp_path
):
    sound = films / "b/a.wav"
    out = tmp_path / "out"
    arguments = ("detect", films / "b", "--model", model, "--out", out)
    options = ("--postprocessing", "boxes", "--format", "json,html,tsv")
    assert run(*arguments, *options) == 0
    expected = in_order(
        detector.detect_file(sound, postprocessing="boxes").events
    )
    rows = [(a, b, label) for a, b, label, _ in expected]
    scores = [score for *_, score in expected]
    table = pd.read_csv(out / "events.tsv", sep="\t")
    table = table[table["filename"] == "a.wav"]
    assert table["score"].to_numpy() == pytest.approx(scores, abs=1e-4)
    assert table["event_label"].tolist() == [label for *_, label in rows]
    events = json.loads((out / "a.wav.json").read_text())["events"]
    assert [e["score"] for e in events] == pytest.approx(scores, abs=1e-5)
    assert [e["onset"] for e in events] == pytest.approx(
        [onset for onset, *_ in rows], abs=1e-5
    )
    page = (out / "a.wav.html").read_text()
    first = [round(x, 6) for x in rows[0][:2]]
    first += [detector.labels.index(rows[0][2]), round(scores[0], 3)]
    assert json.dumps(first) in page
    # The same call again has nothing to do, another choice has.
    capsys.readouterr()
    run(*arguments, *options)
    assert "2 done (2 of them before)" in capsys.readouterr().out
    run(*arguments, *options[2:])
    assert "of them before" not in capsys.readouterr().out


def test_folders_of_earlier_versions_have_no_boxes(
    model, films, capsys, tmp_path
):
    old = pathlib.Path(shutil.copytree(model, tmp_path / "old"))
    path = old / "postprocessing.json"
    content = json.loads(path.read_text())
    for key in ("boxes", "default"):
        del content["student"][key]
    path.write_text(json.dumps(content))
    (old / "files.json").unlink()
    sound = films / "a.wav"
    printed = []
    for folder in (model, old):
        assert run("detect", sound, "--model", folder) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    options = ("--postprocessing", "boxes")
    assert run("detect", sound, "--model", old, *options) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"mmsed detect: {old} has no boxes")
    assert "--postprocessing both" in line


def test_tags_are_printed_or_written(model, films, detector, capsys, tmp_path):
    assert run("tag", films / "b", "--model", model, "--top", 2) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "filename\tevent_label\tscore" and len(rows) == 5
    scores = detector.scores_file(films / "b/a.wav")
    best = scores.labels[scores.clip.argmax()]
    assert rows[3] == f"a.wav\t{best}\t{scores.clip.max():.4f}"
    for _ in range(2):
        out = tmp_path / "out"
        assert run("tag", films, "--model", model, "--out", out) == 1
        table = pd.read_csv(out / "scores.tsv", sep="\t", index_col=0)
        assert table.loc["b/a.wav"].to_numpy() == pytest.approx(
            scores.clip, abs=1e-4
        )
        tags = pd.read_csv(out / "tags.tsv", sep="\t").dropna()
        chosen = tags[tags["filename"] == "b/a.wav"]["event_label"]
        assert set(chosen) == set(table.columns[table.loc["b/a.wav"] > 0.5])
    printed = capsys.readouterr().out
    assert "3 done (3 of them before), 1 failed" in printed
    assert printed.splitlines()[-1] == (
        f"results: {out} (tags.tsv, scores.tsv, files.tsv)"
    )


def test_an_interruption_keeps_what_is_done(
    model, films, capsys, tmp_path, monkeypatch
):
    whole = SoundEventDetector.detect_files

    def interrupted(self, paths, **how):
        for path, detection in whole(self, paths, **how):
            if path.endswith("a.aiff"):
                raise KeyboardInterrupt
            yield path, detection

    out = tmp_path / "out"
    arguments = ("detect", films, "--model", model, "--out", out)
    with monkeypatch.context() as patch:
        patch.setattr(SoundEventDetector, "detect_files", interrupted)
        with pytest.raises(SystemExit) as caught:
            run(*arguments)
    assert caught.value.code == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert (out / "a.tsv").is_file() and not (out / "events.tsv").exists()
    assert run(*arguments) == 1
    assert "3 done (1 of them before), 1 failed" in capsys.readouterr().out


def test_results_that_cannot_be_written_are_one_line(
    model, films, capsys, tmp_path, monkeypatch
):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    out = tmp_path / "out"
    assert run("detect", films, "--model", model, "--out", out) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert "results cannot be written: The disk is full" in message
    assert [path for path in out.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.wav", "--model", "MODEL"], "no such file or folder: gone.wav"),
        (["FILMS", "--model", "gone"], "--model gone: no such folder"),
        (["FILMS", "--model", "FILMS"], "no postprocessing.json"),
        (["FILMS", "--model", "MODEL", "--metric", "psds1"], "ebf1"),
        (["FILMS", "--model", "MODEL", "--format", "html"], "needs --out"),
        (["FILMS", "--model", "MODEL", "--plot"], "needs --out"),
        (["FILMS", "--model", "MODEL", "--device", "tpu9"], "--device tpu9"),
        (["FILMS", "--model", "OLD"], "another version"),
        (["FILMS", "--model", "MODEL", "--out", "FILMS/a.wav"], "is a file"),
    ],
)
def test_what_cannot_be_begun_is_one_line(
    model, films, capsys, tmp_path, arguments, message
):
    old = shutil.copytree(model, tmp_path / "old")
    text = (old / "hyperparams.yaml").read_text()
    (old / "hyperparams.yaml").write_text(text.replace("peak_floor", "floor"))
    (old / "files.json").unlink()
    names = {"MODEL": model, "FILMS": str(films), "OLD": str(old)}
    arguments = [names.get(a, a) for a in arguments]
    arguments = [a.replace("FILMS/", f"{films}/") for a in arguments]
    assert run("detect", *arguments) == 2
    printed = capsys.readouterr()
    line = printed.err.splitlines()[-1]
    assert line.startswith("mmsed detect: ") and message in line
    assert "Traceback" not in printed.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--format", "tsv,ass"), ("--format", ","), ("--primary-weight", "0")],
)
def test_wrong_options_end_with_what_is_expected(option, value, capsys):
    with pytest.raises(SystemExit) as caught:
        run("detect", "a.wav", "--model", "m", option, value)
    assert caught.value.code == 2
    assert "expected" in capsys.readouterr().err


def test_films_that_cannot_be_used_are_told_before_the_first(
    export, films, capsys, tmp_path
):
    export(tmp_path, ["colour"])
    out = tmp_path / "out"
    arguments = ("detect", films, "--model", tmp_path, "--out", out)
    warning = "warning: films are not used for colour: streams.json does not"
    run(*arguments)
    assert warning in capsys.readouterr().err
    run(*arguments, "--primary-weight", 1)
    printed = capsys.readouterr()
    assert warning not in printed.err and "colour: ignored 3" in printed.out
    # Without films there is nothing to tell.
    run("detect", films / "a.wav", "--model", tmp_path)
    assert warning not in capsys.readouterr().err


@pytest.mark.parametrize("change", ["embedder", "frontend.ckpt"])
def test_results_are_done_again_with_another_embedder_or_front_end(
    export, films, tmp_path, capsys, monkeypatch, change
):
    export(tmp_path, ["colour"])
    reasons = ["no weights", "no weights"]
    if change == "embedder":
        reasons[1] = ""
    out = tmp_path / "out"
    files = ("detect", films / "a.wav", "--model", tmp_path, "--out", out)
    for reason in reasons:
        monkeypatch.setattr(
            StreamEmbedders, "get", lambda *_, reason=reason: (None, reason)
        )
        for before in ("1 done,", "1 done (1 of them before),"):
            assert run(*files) == 0
            assert before in capsys.readouterr().out
        if change != "embedder":
            os.utime(tmp_path / "detector" / change, (1, 1))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("detect", "a.txt"),
        ("detect", "b/a.wav.txt"),
        ("detect", "events.tsv"),
        ("detect", "detect.jsonl"),
        ("tag", "scores.tsv"),
    ],
)
def test_files_of_the_user_are_not_overwritten(
    model, films, tmp_path, capsys, command, name
):
    own = tmp_path / "out" / name
    own.parent.mkdir(parents=True)
    own.write_text("0.0\t1.0\tmy own label\n")
    options = ("--format", "audacity") if command == "detect" else ()
    arguments = (command, films, "--model", model, "--out", tmp_path / "out")
    assert run(*arguments, *options) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"{own} would be overwritten" in message and "move it" in message
    assert own.read_text() == "0.0\t1.0\tmy own label\n"
    left = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert left == [own]
    own.unlink()
    assert run(*arguments, *options) == 1


def test_results_of_earlier_calls_are_overwritten_unless_corrected(
    model, films, tmp_path, capsys
):
    out = tmp_path / "out"
    arguments = ("detect", films, "--model", model, "--out", out)
    options = (("--format", "audacity"), ("--metric", "sbf1"), ())
    for more in options:
        assert run(*arguments, "--format", "tsv,audacity", *more) == 1
        assert run("tag", films, "--model", model, "--out", out) == 1
    (out / "a.txt").write_text("corrected by hand")
    (out / "b/a.wav.tsv").write_text("corrected by hand")
    capsys.readouterr()
    assert run(*arguments, "--format", "tsv,audacity") == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"{out / 'a.txt'}" in message and "a.wav.tsv" in message
    assert "move them" in message


def test_help_names_every_format():
    assert set(detect.FORMATS) == set(FORMATS)
    text = detect.FORMAT_HELP
    for name, form in FORMATS.items():
        assert f"  {name} " in text and form.suffix
    arguments = make_parser().parse_args(
        ["detect", "a", "--model", "m", "--format", "html, tsv,html"]
    )
    assert arguments.format == ["html", "tsv"]


def test_the_training_s_output_folder_is_taken_too(model, films, capsys):
    folder = pathlib.Path(model).parent
    assert run("detect", films / "a.wav", "--model", folder) == 0
    assert f"model: {model}" in capsys.readouterr().err


def test_help_loads_no_library_and_detection_no_evaluation(model, films):
    code = (
        "import sys; from speechbrain_mmsed.cli import main\n"
        "try: main(['detect', '--help'])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
        "for name in ('psds_eval', 'sed_eval', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        f"sys.exit(main(['detect', {str(films / 'a.wav')!r}, '--model', "
        f"{model!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "a.wav\t" in done.stdout
