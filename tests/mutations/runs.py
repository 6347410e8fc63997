"""Readers of what preparation, training and reports leave."""

import json

import numpy as np
import torch
from corpora import HOP, write_pseudo_labels
from mutations.plain import files_in, plain_json
from mutations.trial import Reader
from sweep.jobs import Job, sorted_out
from sweep.plan import Configuration
from unchanged import INDEX_FILE, checked_report

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.dataio.corpus.settings_folder import is_complete
from speechbrain_mmsed.evaluation.counts.counts import Counts
from speechbrain_mmsed.evaluation.counts.psds_changes import Changes
from speechbrain_mmsed.evaluation.counts.psds_counts import PsdsCounts
from speechbrain_mmsed.evaluation.metrics.psd_roc import Scenario
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.readers.npz import read_npz
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    counts_file,
    load_counts,
    save_counts,
)
from speechbrain_mmsed.files import ClearError, write_json
from speechbrain_mmsed.folders import file_sums
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.checkpoints import WholeCheckpointer
from speechbrain_mmsed.training.pseudo_labels import PseudoLabels
from speechbrain_mmsed.training.record import check_continuation

MANIFEST = {
    "weak/a": {
        "wav": "a.wav",
        "filename": "a.wav",
        "subset": "weak",
        "duration": 10.0,
        "events": [[0.5, 2.25, "Dog"]],
        "tags": ["Dog"],
        "video": "",
        "video_status": "absent",
        "video_start": 0.0,
    },
}


MANIFEST["weak/b"] = {**MANIFEST["weak/a"], "events": [], "tags": []}


def manifest(made):
    """The clips of a subset, whose hash the preparation has noted."""
    write_json(made / "manifests/weak.json", MANIFEST)
    write_json(made / "prepare_report.json", {"fingerprint": "x"})
    names = ["manifests/weak.json", "prepare_report.json"]
    write_json(made / INDEX_FILE, file_sums(made, names))

    def read(folder):
        return checked_report(folder), read_manifest(folder / names[0])

    return Reader(
        files_in(made),
        read,
        lambda folder: ({"fingerprint": "x"}, MANIFEST),
        names=("files", "weak.json"),
    )


def settings(_):
    """Settings beside a run, and beside a folder of generated files."""
    given = {"seed": 1, "streams": ["a"], "lr": 0.1, "n": {"weak": None}}

    def read(folder):
        check_continuation(str(folder), given)
        return is_complete(folder, given, "settings.json")

    def obvious(folder):
        assert plain_json(folder / "settings.json") == given
        return True

    files = {"settings.json": json.dumps(given).encode(), "CKPT+1/a": b""}
    return Reader(
        files,
        read,
        obvious,
        damage=("settings.json",),
        errors=(ClearError, FileExistsError),
        lines=9,
        names=("files",),
    )


def pseudo_labels(made):
    """Targets from an earlier network's scores, and their manifests."""
    clips = {
        "weak": {"weak/a": ["Dog"], "weak/b": []},
        "unlabelled": {"unlabelled/c": []},
    }
    stored, manifests = write_pseudo_labels(made, clips, ["Cat", "Dog"], 4)
    manifests = [path.name for path in manifests.values()]

    def read(folder):
        found = PseudoLabels(folder, ["Cat", "Dog"], 4, HOP)
        return [vars(scores) for scores in found._scores.values()]

    def obvious(_):
        return [vars(scores) for scores in stored.values()]

    files = files_in(made)
    damage = tuple(name for name in files if name not in manifests)
    return Reader(files, read, obvious, damage, names=("files/",))


def record_of_run(made):
    """What an experiment knows of a run of its."""
    configuration = Configuration("c", "b", (), None, ())

    def job(folder):
        return Job(configuration, 1, "", "", {"lr": 0.1}, str(folder))

    whole = job(made)
    whole.write_record(status="done", seconds=3.5)
    write_json(made / "runs/c/seed_1/report.json", {})

    def read(folder):
        done, waiting, broken = sorted_out([job(folder)])
        for _, why in broken:
            raise ClearError(why)
        return len(done), len(waiting)

    def obvious(folder):
        found = plain_json(folder / "runs/c/seed_1/job.json")
        assert found.get("overrides", {"lr": 0.1}) == {"lr": 0.1}
        done = found["status"] == "done"
        return int(done), int(not done)

    files = files_in(made)
    damage = ("runs/c/seed_1/job.json",)
    return Reader(files, read, obvious, damage, names=("job.json", "seed_1"))


def checkpoint(made):
    """The checkpoint from which a training goes on, or the one before."""

    def layers():
        return {"one": torch.nn.Linear(2, 2), "two": torch.nn.Linear(1, 1)}

    for value in (1.0, 2.0):
        held = layers()
        for layer in held.values():
            torch.nn.init.constant_(layer.weight, value)
        WholeCheckpointer(made, held).save_and_keep_only(
            meta={"epoch": value}, name=f"{value:g}"
        )
    files = files_in(made)

    def read(folder):
        held = layers()
        WholeCheckpointer(folder, held).recover_if_possible()
        found = {
            float(x) for h in held.values() for x in h.weight.detach().flatten()
        }
        assert len(found) == 1, found
        return found <= {1.0, 2.0}

    return Reader(files, read, lambda _: True, share=0.2, heals=True)


def scores():
    """Scores of two clips."""
    rng = np.random.default_rng(0)
    return ClipScores(
        *(["a.wav", "b.wav"], [1.0, 0.75], ["Cat", "Dog"]),
        *(rng.random((2, 2)), rng.random((2, 8, 2)), [True, False], 0.125),
    )


def score_npz(made):
    """Stored scores, as `mmsed evaluate` reads them."""
    scores().save(made / "weight_1.0000.npz")
    seconds = {"b.wav": 0.75, "a.wav": 1.0}
    truth = GroundTruth.of_rows([], seconds, ["Dog"])

    def read(folder):
        path = folder / "weight_1.0000.npz"
        ClipScores.load(path)
        found, _ = read_npz(path, truth, "durations")
        return found.frame, found.clip, found.has_video, found.frame_hop

    def obvious(folder):
        with np.load(folder / "weight_1.0000.npz") as found:
            values = dict(found)
        for name, kind in ("frame", "f"), ("clip", "f"), ("has_video", "b"):
            assert values[name].dtype.kind == kind, values[name].dtype
        for name in ("frame", "clip"):
            assert ((values[name] >= 0) & (values[name] <= 1)).all()
        rows = [values["filename" + "s"].tolist().index(n) for n in seconds]
        column = [values["labels"].tolist().index("Dog")]
        assert abs(values["durations"][rows] - [0.75, 1.0]).max() <= 0.125
        return (
            values["frame"].astype(np.float32)[rows][:, :, column],
            values["clip"].astype(np.float32)[rows][:, column],
            values["has_video"][rows],
            float(values["frame_hop"]),
        )

    return Reader(files_in(made), read, obvious)


def counts_npz(made):
    """Counts by clip beside a report, as `mmsed compare` reads them."""
    ones = np.arange(4).reshape(2, 2)
    counts = Counts(["a", "b"], ["Dog", "Cat"], ones, ones + 1, ones + 2, "f1")
    changes = Changes(*np.array([[0, 1], [0, 1], [0, 2], [3, 4], [1, -1]]))
    psds = PsdsCounts(
        *(["a", "b"], ["Dog", "Cat"], changes, ones, ones * 0.5),
        *(np.array([1.0, 2.0]), np.array([1, 3])),
        *(Scenario(0.5, 0.5, 0.3, 0.0, 0.0, 100.0), 50),
    )
    video = {"a": True, "b": False}
    path = made / "counts_x.npz"
    save_counts(path, {"ebf1": counts, "psds1": psds}, video)
    write_json(made / "report.json", {"metrics": {"x": {}, "x, boxes": {}}})

    def read(folder):
        found, flags = load_counts(counts_file(folder))
        return (
            {
                kind: [
                    *(of.filenames, of.labels, of.n_reference),
                    *([of.tp, of.nsys] if kind == "ebf1" else [*of.changes]),
                ]
                for kind, of in found.items()
            },
            flags,
        )

    def obvious(folder):
        with np.load(folder / "counts_x.npz", allow_pickle=False) as file:
            held = dict(file)
        about = plain_json(folder / "report.json")["metrics"]
        assert isinstance(about, dict)
        names = ("filenames", "labels", "n_reference")
        found = {}
        for kind, more in ("ebf1", ("tp", "nsys")), ("psds1", ()):
            if not any(name.startswith(f"{kind}/") for name in held):
                continue
            parts = [held[f"{kind}/{name}"] for name in (*names, *more)]
            parts += [] if more else list(held[f"{kind}/changes"])
            assert parts[0].dtype.kind == parts[1].dtype.kind == "U"
            for part in parts[2:]:
                assert part.dtype.kind in "iuf" and np.isfinite(part).all()
            size = len(parts[0]), len(parts[1])
            assert all(p.shape == size for p in parts[2 : 3 + len(more)])
            found[kind] = [parts[0].tolist(), parts[1].tolist(), *parts[2:]]
        flags = None
        if any(name.startswith("has_video/") for name in held):
            pair = held["has_video/filenames"], held["has_video/values"]
            assert pair[1].dtype.kind == "b"
            flags = dict(zip(*(x.tolist() for x in pair), strict=True))
        return found, flags

    return Reader(files_in(made), read, obvious, names=("counts_x.npz",))


READERS = (
    *(manifest, settings, pseudo_labels, record_of_run),
    *(checkpoint, score_npz, counts_npz),
)
