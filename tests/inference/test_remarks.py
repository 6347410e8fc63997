"""A recording that is cut off is done, and every result says so."""

import json

from speechbrain_mmsed.inference.folders.inputs import collect
from speechbrain_mmsed.inference.folders.journal import Journal
from speechbrain_mmsed.inference.folders.run import (
    Finder,
    Outputs,
    detect_all,
)
from speechbrain_mmsed.inference.folders.tables import files_table, screen_lines


def test_a_cut_recording_is_done_with_a_remark(detector, sounds, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for name in ("cut.wav", "whole.wav"):
        sounds.write_wav(folder / name, sounds.noise(3.0))
    content = (folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(content[: len(content) // 2])
    remark = f"file is cut off: {len(content) // 2} of {len(content)} bytes"
    scores = detector.scores_file(folder / "cut.wav")
    assert scores.remark == remark and 1.4 < scores.duration < 1.6
    assert detector.scores_file(folder / "whole.wav").remark == ""

    inputs = collect([folder])
    outputs = Outputs(out, ["json"])
    for reused in (False, True):
        journal = Journal(out / "detect.jsonl", {})
        find = Finder(detector, outputs)
        found = detect_all(inputs.files, find, outputs, journal)
        results = [result for result, _ in found]
        assert [result.reused for result in results] == [reused] * 2
        assert [result.remark for result in results] == [remark, ""]
        rows = [
            line.split("\t") for line in files_table(results, []).split("\n")
        ]
        assert (rows[1][1], rows[1][-1]) == ("done", remark)
        assert (rows[2][1], rows[2][-1]) == ("done", "")
        lines = screen_lines(results, inputs, [])
        assert "sound not whole: 1 (see files.tsv)" in lines
        assert lines[1].startswith("cut.wav") and lines[1].endswith(remark)
    for name, text in (("cut", remark), ("whole", "")):
        assert json.loads((out / f"{name}.json").read_text())["remark"] == text
