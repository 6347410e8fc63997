"""Readers of the folders of detectors."""

import importlib
import importlib.util
import pathlib
import shutil

import ruamel.yaml
from mutations.plain import (
    files_in,
    plain_json,
    plain_state,
    plain_torch,
    plain_yaml,
)
from mutations.trial import Reader

from speechbrain_mmsed.files import write_json
from speechbrain_mmsed.inference import SoundEventDetector
from speechbrain_mmsed.training.fine_tuning import StartFrom

TESTS = pathlib.Path(__file__).resolve().parents[1]


def export_small(folder):
    """A detector of few weights, as the tests of detection export it."""
    path = TESTS / "inference/conftest.py"
    spec = importlib.util.spec_from_file_location("detectors", path)
    detectors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(detectors)
    small = (
        ", d_model: 8, d_head: 4, d_ffn: 8, n_layers: 1, extractor: !new:"
        "speechbrain_mmsed.lobes.cnn.ConvolutionalFeatureExtractor "
        "{channels: [2, 2, 2, 2, 2, 2, 8], dropout: 0.0}"
    )
    detectors.export_small(folder, more=small)
    return folder / "detector"


def described(detector):
    """All of a detector that decides on its events."""
    return (
        detector.labels,
        {k: v.to_dict() for k, v in detector.parameters.items()},
        {k: v.to_dict() for k, v in detector.boxes.items()},
        detector.primary_weight,
        (detector.frame_hop, detector.sample_rate),
        plain_state(detector.mods.network.state_dict()),
        plain_state(detector.mods.frontend.state_dict()),
    )


def loaded(folder):
    return described(
        SoundEventDetector.from_hparams(
            source=folder, run_opts={"device": "cpu"}
        )
    )


def detector(made):
    """An exported folder, which lists the hashes of its files."""
    folder = export_small(made)
    right = loaded(folder)
    return Reader(files_in(folder), loaded, lambda _: right, share=0.03)


def bare_detector(made):
    """The same of a folder without hashes."""
    folder = export_small(made)
    files = files_in(folder)
    del files["files.json"]

    def obvious(folder):
        tuned = plain_json(folder / "postprocessing.json")["student"]
        yaml = ruamel.yaml.YAML(typ="rt")
        values = yaml.load((folder / "hyperparams.yaml").read_bytes().decode())
        isinstance(plain_json(folder / "streams.json"), list)
        parameters = {}
        for metric, own in tuned["parameters"].items():
            parameters[metric] = own
            for key in "thresholds", "windows":
                for value in own[key] or ():
                    assert type(value) in (int, float) and value >= 0, own
                    assert value <= 1 or key == "windows"
            assert all(type(value) is bool for value in own["tuned"])
        weight = tuned["primary_weight"]
        assert type(weight) in (int, float) and 0 < weight <= 1
        return (
            list(values["labels"]),
            parameters,
            tuned.get("boxes", {}),
            weight,
            (float(values["frame_hop"]), int(values["sample_rate"])),
            plain_torch(folder / "network.ckpt"),
            plain_torch(folder / "frontend.ckpt"),
        )

    return Reader(files, loaded, obvious, share=0.03, names=("detector",))


def ensemble(made):
    """The folder of a detector that averages two others."""
    folder = export_small(made)
    shutil.copytree(folder, made / "ensemble/members/one")
    tuned = plain_json(folder / "postprocessing.json")["student"]
    tuned["members"] = {"one": tuned["primary_weight"]}
    path = made / "ensemble/postprocessing.json"
    write_json(path, {"student": tuned})
    (made / "ensemble/README.md").write_text("card")
    right = loaded(made / "ensemble")

    def obvious(folder):
        tuned = plain_json(folder / "postprocessing.json")["student"]
        (weight,) = tuned["members"].values()
        assert weight is None or 0 < weight <= 1
        parts = tuned["parameters"], tuned.get("boxes", {})
        return right[0], *parts, tuned["primary_weight"], *right[4:]

    names = ("ensemble", "files")
    files, damage = files_in(made / "ensemble"), ("postprocessing.json",)
    return Reader(files, loaded, obvious, damage, share=0.03, names=names)


def start_from(made):
    """The detector that a training starts from."""
    folder = export_small(made)
    files = files_in(folder)
    labels = plain_yaml(folder / "hyperparams.yaml")["labels"]

    def read(folder):
        start = StartFrom(folder, 1, labels, [])
        frontend, state, found, streams = start._read()
        return (
            plain_state(frontend.state_dict()),
            plain_state(state),
            (found, streams, frontend.settings()["sample_rate"]),
        )

    def obvious(folder):
        tree = plain_yaml(folder / "hyperparams.yaml")
        about = tree["modules"]["frontend"]
        assert isinstance(tree["labels"], list)
        statistics = plain_torch(folder / "frontend.ckpt")
        return (
            {**right, **statistics},
            plain_torch(folder / "network.ckpt"),
            (tree["labels"], tree["streams"], about.get("sample_rate", 16000)),
        )

    right = read(folder)[0]
    damage = ("hyperparams.yaml", "frontend.ckpt", "network.ckpt")
    return Reader(files, read, obvious, damage, share=0.2)


READERS = (detector, bare_detector, ensemble, start_from)
