"""The yaml of a detector folder: where the weights of the streams are.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from hyperpyyaml import load_hyperpyyaml, resolve_references

from speechbrain_mmsed.inference.export_yaml import detector_yaml

RUN = """
class_labels: [Cat, Dog]
sample_rate: 16000
clip_seconds: 10.0
n_frames: 64
frame_hop: 0.1565
streams: [one, two, three]
stream_widths: {one: 1, two: 1, three: 1}
min_video_coverage: 0.5
fusion: weighted
use_logmel_cache: false
modules: {network: 1, frontend: 2}
"""


def embedders(paths, overrides=None):
    """Name -> path with which the yaml builds the embedder of a stream."""
    text = detector_yaml(
        RUN,
        [
            {
                "name": name,
                "embedder": {
                    "class": "pathlib.PurePosixPath",
                    "arguments": {"weights": str(path)},
                },
            }
            for name, path in paths.items()
        ],
    )
    # Only what names the weights: the rest needs a network.
    text = text.split("pretrainer:")[0]
    values = load_hyperpyyaml(text, overrides)
    return {
        name: pathlib.Path(builder.keywords["weights"])
        for name, builder in values["embedders"].items()
    }


def test_weights_in_several_folders_are_all_found(tmp_path):
    paths = {
        "one": tmp_path / "first/one.pt",
        "two": tmp_path / "second/two.pt",
        "three": tmp_path / "first/three.pt",
    }
    assert embedders(paths) == paths
    # Weights that moved together are found by one option, as before.
    moved = embedders(paths, {"weights_folder": "/moved"})
    assert moved == {
        "one": pathlib.Path("/moved/one.pt"),
        "two": paths["two"],
        "three": pathlib.Path("/moved/three.pt"),
    }


def test_what_else_a_run_names_stays_behind():
    text = detector_yaml(RUN, [])
    more = """
evaluate: !name:speechbrain_mmsed.evaluation.run.evaluate_run
export: !name:speechbrain_mmsed.inference.export.export_detector
probe_film: !name:speechbrain_mmsed.dataio.media.frames.probe_video
  start: 1.0
unknown: &some {network: [1, 2]}
alike: *some
"""
    assert detector_yaml(RUN + more, []) == text
    assert detector_yaml(resolve_references(RUN + more).getvalue(), []) == text
    assert "evaluat" not in text and "probe" not in text
