"""Fixtures that several test files share."""

import importlib.util
import os
import pathlib
import shutil
import signal
import sys

# Threads of several test processes that wait for each other on few cores make
# the suite three times as slow. Read when numpy and torch are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import programs
import pytest

# Shells start background jobs with Ctrl-C ignored, which children inherit;
# tests send it to theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Only for children: whoever loads it has no pictures any more.
collect_ignore = ["without_pictures"]
RECIPES = pathlib.Path(__file__).resolve().parents[1] / "recipes" / "DESED"
TINY = {
    "strong": 4,
    "weak": 6,
    "unlabelled": 6,
    "validation": 8,
    "evaluation": 8,
}


def hide_lazy_modules():
    """Keeps hypothesis from waking SpeechBrain's lazy modules.

    It asks each loaded module for its file, which makes them import k2 and
    others that nobody installed.
    """
    tools = sys.modules.get("speechbrain.utils.importutils")
    if tools is not None:
        tools.LazyModule.__file__ = None


# Hypothesis asks once all tests are collected, and before each of its own.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems():
    hide_lazy_modules()


def pytest_runtest_setup():
    hide_lazy_modules()


@pytest.fixture(scope="session")
def shared_folder():
    """Folder of the research material; tests that need it skip without."""
    beside = pathlib.Path(__file__).resolve().parents[2] / "shared"
    folder = pathlib.Path(os.environ.get("MMSED_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"no research material at {folder} (set MMSED_SHARED)")
    return folder


@pytest.fixture(scope="session")
def load_recipe():
    """Loads a script of recipes/DESED as a module, by its relative path."""

    def load(relative):
        path = RECIPES / relative
        for folder in (path.parent, RECIPES):
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
        name = f"recipe_{path.stem}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]

    return load


@pytest.fixture
def without_pictures():
    """An install without matplotlib, which takes as long as all the rest.

    Of the trainings those of the tutorial and of own recordings draw.
    """
    from speechbrain_mmsed.evaluation.reports import report_files

    # A test may undo its own patches amid its work.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_files, "has_matplotlib", lambda: False)
        yield


@pytest.fixture(scope="session")
def tiny_corpus(load_recipe, tmp_path_factory):
    """A prepared built-in corpus with two made-up streams.

    "fake" of films, of width 8, and "heard" of sound, of width 4. Returns
    (data_folder, prepared_folder). Tests must not change either.
    """
    from speechbrain_mmsed.dataio.media import frames

    builtin = load_recipe("builtin_corpus.py")
    prepare = load_recipe("desed_prepare.py")
    root = tmp_path_factory.mktemp("tiny")
    data, prepared = root / "data", root / "prepared"
    builtin.make_builtin_corpus(data, TINY, seed=5, progress=False)
    prepare.prepare_desed(
        data,
        prepared,
        list(builtin.CLASS_LABELS),
        probe_film=frames.probe_video,
    )
    write_stream(prepared, "fake", width=8)
    write_stream(prepared, "heard", width=4, kind="sound")
    return data, prepared


def write_stream(prepared, name, width, kind="film"):
    """Stores random features for every clip that has a film, or for all."""
    from speechbrain_mmsed.dataio.corpus.clips import read_manifest
    from speechbrain_mmsed.dataio.streams.store import StreamStore

    store = StreamStore(prepared / "streams", name)
    store.begin(
        {
            "kind": kind,
            "network": "random numbers",
            "weights_sha256": "",
            "preprocessing": {},
            "width": width,
            "n_frames": 64,
            "clip_seconds": 10.0,
        }
    )
    rng = np.random.default_rng(0)
    for manifest in sorted((prepared / "manifests").glob("*.json")):
        for clip_id, row in read_manifest(manifest).items():
            if kind == "sound" or row["video_status"] == "present":
                features = rng.standard_normal((64, width))
                store.write(clip_id, features.astype(np.float32), 10.0)
            else:
                store.mark_unavailable(clip_id, row["video_status"])
    store.finish()


PROGRAMS = (
    *("corpus", "extraction", "training", "scoring", "pseudo_labels"),
    *("experiment", "detection", "evaluation", "ensemble"),
)


@pytest.fixture(scope="session")
def extracted(tiny_corpus, tmp_path_factory):
    """A prepared folder with a stream that a network made of the films."""
    out = tmp_path_factory.mktemp("extracted") / "prepared"
    programs.extraction(tiny_corpus[0]).finish(out)
    return out


@pytest.fixture(scope="session")
def trained(tiny_corpus, extracted, tmp_path_factory):
    """The output folder of a small training, and a copy of it."""
    out = tmp_path_factory.mktemp("trained") / "run"
    programs.training(tiny_corpus[0], extracted).finish(out)
    return out, pathlib.Path(shutil.copytree(out, out.with_name("copy")))


def _only_checkpoints(run):
    """A copy of a run that has ended its training, and nothing more."""
    copy = run.with_name("begun")
    shutil.copytree(run / "save", copy / "save")
    return copy


@pytest.fixture(scope="session", params=PROGRAMS)
def program(request, tmp_path_factory):
    """Each of `programs` as a command, and a run of it that was let be."""

    def need(name):
        return request.getfixturevalue(name)

    def data():
        return need("tiny_corpus")[0]

    folder = tmp_path_factory.mktemp(request.param)
    made = {
        "corpus": lambda: programs.corpus(),
        "extraction": lambda: programs.extraction(data()),
        "training": lambda: programs.training(data(), need("extracted")),
        "scoring": lambda: programs.training(
            data(), need("extracted"), _only_checkpoints(need("trained")[0])
        ),
        "pseudo_labels": lambda: programs.pseudo_labels(need("trained")[0]),
        "experiment": lambda: programs.experiment(
            data(), need("tiny_corpus")[1], folder / "plan.yaml"
        ),
        "detection": lambda: programs.detection(data(), need("trained")[0]),
        "evaluation": lambda: programs.evaluation(
            need("extracted"), need("trained")[0]
        ),
        "ensemble": lambda: programs.ensemble(*need("trained")),
    }[request.param]()
    made.name, made.whole = request.param, folder / "whole"
    made.expected, made.changes, made.seconds = made.finish(made.whole)
    return made
