"""The worked example of the page, from 40 wavs and a table to events."""

import pathlib
import re
import shlex
import sys

import pandas as pd

from speechbrain_mmsed.cli import main as mmsed

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = ROOT / "recipes/own_corpus/README.md"
# Instead of minutes of training
TINY = (
    "--number_of_epochs 1 --batches_per_epoch 2 --batch_strong 2 --d_model 16"
)
TINY += " --d_head 8 --d_ffn 16 --cnn_channels [4,4,4,4,4,4,16] --device cpu"
TINY += " --postprocessing median"


def commands():
    """The lines of the block that makes an example and trains on it."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (block,) = [block for block in blocks if "make_example" in block]
    return [shlex.split(line) for line in block.strip().split("\n")]


def test_the_example_ends_in_events(
    load_own, tmp_path, monkeypatch, capsys, without_pictures
):
    folder, example, train, detect = commands()
    assert folder == ["cd", "recipes/own_corpus"]
    monkeypatch.setattr(sys, "path", [str(PAGE.parent), *sys.path])
    here = [
        word.replace("example/", f"{tmp_path}/example/") for word in example[2:]
    ]
    import make_example

    sounds, table = make_example.make_example(tmp_path / here[-1])
    assert len(list(sounds.glob("*.wav"))) == 40
    assert set(pd.read_csv(table, sep="\t")["event_label"].dropna()) == {
        *("cat", "doorbell", "mixer")
    }
    assert train[:2] == ["python", "sound_event_detection/train.py"]
    yaml, *options = [
        word.replace("example/", f"{tmp_path}/example/") for word in train[2:]
    ]
    options += [*shlex.split(TINY), "--clip_seconds", "5", "--noprogressbar"]
    load_own("train").main([str(PAGE.parent / yaml), *options])
    said = capsys.readouterr().out
    assert "3 classes: cat, doorbell, mixer" in said
    assert "Tuning and test are one" in said
    assert detect[:2] == ["mmsed", "detect"]
    words = [
        word.replace("example/", f"{tmp_path}/example/") for word in detect[1:]
    ]
    assert mmsed(words) == 0
    head = ["filename", "onset", "offset", "event_label", "score"]
    lines = capsys.readouterr().out.splitlines()
    assert head in [line.split() for line in lines]
