"""What cannot work stops a training before its first batch."""

import sys
from unittest.mock import Mock

import pytest

from speechbrain_mmsed.inference.rehearsal import RehearsalError


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"streams": "[nothing]"}, "nothing"),
        ({"stream_widths": "{fake: 9}"}, "9"),
        ({"streams": "[openl3]", "stream_widths": "{openl3: 512}"}, "extract"),
        ({"number_of_epoch": 1}, "Did you mean: number_of_epochs"),
        ({"n_classes": 9}, "class_labels has 10"),
        ({"sample_rate": 8000}, "set n_frames: 32"),
        ({"clip_seconds": 30.0}, "of 30.0 s are 192: set n_frames: 192"),
        ({"data_folder": "/does/not/exist"}, "/does/not/exist"),
        ({"fusion": "half"}, "half"),
        ({"fusion": 3}, "fusion is 3, .* at most 1"),
        ({"number_of_epochs": -2}, "number_of_epochs is -2"),
        ({"lr": "much"}, "given: .*lr 'much'"),
        ({"device": "gpu"}, "expected cpu, cuda"),
        ({"corpus_on_device": "yes"}, "expected auto, True or False"),
        ({"corpus_on_device": True}, "set use_logmel_cache: True"),
        ({"postprocessing": "boxes"}, "expected median, or both"),
        ({"detector_postprocessing": "boxes"}, "set postprocessing: both"),
        ({"batch_weak": 0, "batch_strong": 0, "batch_unlabelled": 0}, "nothi"),
    ],
)
def test_wrong_settings_stop_before_the_first_batch(
    run, monkeypatch, overrides, message
):
    def no_batch(*args, **kwargs):
        raise AssertionError("a batch was trained")

    monkeypatch.setattr(run.recipe.SoundEventBrain, "fit_batch", no_batch)
    with pytest.raises(Exception, match=message):
        run(**overrides)


def test_what_follows_the_training_is_tried_before_it(run, monkeypatch):
    prepare = Mock(side_effect=AssertionError("the corpus was prepared"))
    monkeypatch.setattr(run.recipe, "prepare_desed", prepare)
    monkeypatch.setitem(sys.modules, "sed_eval", None)
    with pytest.raises(RehearsalError, match="the figures .*sed_eval"):
        run()
    monkeypatch.undo()
    monkeypatch.setattr(run.recipe, "prepare_desed", prepare)
    (run.folder / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        run(name="taken")
