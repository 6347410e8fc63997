"""What an ensemble is made of: runs, their scores, the ground truth.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
import time

import speechbrain_mmsed
from speechbrain_mmsed.cli.arguments import UsageError

SUBSETS = ("validation", "evaluation")
ASKED = ("model", "weight", "average")  # that results depend on


def find_runs(paths, model):
    """Name -> folder of each run, and of its scores."""
    runs = [pathlib.Path(path) for path in paths]
    if len({run.resolve() for run in runs}) < max(2, len(runs)):
        raise UsageError(
            f"{' '.join(paths)}: expected two runs or more, each once"
        )
    names = [run.resolve().name for run in runs]
    if len({"ensemble", *names}) <= len(names):
        names = [f"{n}_{name}" for n, name in enumerate(names, 1)]
    runs, folders = dict(zip(names, runs, strict=True)), {}
    for name, place in runs.items():
        tried = [place / "scores" / model, place]
        found = [f for f in tried if all((f / s).is_dir() for s in SUBSETS)]
        if not found:
            raise UsageError(
                f"{place}: no scores of {model}, expected folders "
                f"{' and '.join(SUBSETS)} in {tried[0]}, as a finished "
                "training leaves them, or in the folder itself"
            )
        folders[name] = found[0]
    return runs, folders


def truth_files(folder, runs):
    """Events and durations of each subset."""
    if folder is None:
        import ruamel.yaml

        yaml = next(iter(runs.values())) / "hyperparams.yaml"
        if not yaml.is_file():
            raise UsageError(
                f"{yaml}: no such file, which says where the ground truth is; "
                "name its folder with --truth-folder"
            )
        try:
            prepared = ruamel.yaml.YAML().load(yaml)["prepared_folder"]
        except Exception as error:  # ruamel has its own, a value any
            raise UsageError(
                f"{yaml} does not name the ground truth ({error}); name its "
                "folder with --truth-folder"
            ) from error
        folder = f"{prepared}/ground_truth"
    ends = ("", "_durations")
    truth = {
        subset: [pathlib.Path(folder, f"{subset}{end}.tsv") for end in ends]
        for subset in SUBSETS
    }
    for file in truth["validation"] + truth["evaluation"]:
        if not file.is_file():
            raise UsageError(
                f"{file}: no such file, expected the ground truth that the "
                "preparation writes; name its folder with --truth-folder"
            )
    return truth


def settings_of(arguments, runs, folders, truth):
    """All that results depend on, in words."""
    watched = {str(file): [file] for pair in truth.values() for file in pair}
    for name, folder in folders.items():
        watched[str(folder)] = folder.glob("*/*.npz")
        detector = runs[name] / "detector"
        watched[str(detector)] = detector.glob("postprocessing.json")
    settings = {key: _state(files) for key, files in watched.items()}
    settings["runs"] = [str(run) for run in runs.values()]
    asked = {key: getattr(arguments, key) for key in ASKED}
    return settings | asked | {"version": speechbrain_mmsed.__version__}


def _state(files):
    """Number, size and last change of files, which another run changes."""
    states = [file.stat() for file in files]
    last = max((state.st_mtime for state in states), default=0)
    changed = time.strftime("%F %T", time.localtime(last))
    size = sum(state.st_size for state in states)
    return f"{len(states)} files, {size} bytes, {changed}"


def choose_files(folders, truth, weight):
    """Files of validation and evaluation, and weight, of each member."""
    from speechbrain_mmsed.evaluation.readers.npz import load_npz, npz_files
    from speechbrain_mmsed.evaluation.readers.truth import read_truth
    from speechbrain_mmsed.evaluation.tuning import choose_weight

    files, weights = {}, {}
    for name, folder in folders.items():
        found = {subset: npz_files(folder / subset) for subset in SUBSETS}
        some = found["validation"]
        chosen = next(iter(some)) if len(some) == 1 else weight
        if len(some) > 1 and weight is None:
            labels = load_npz(next(iter(some.values()))).labels
            reference = read_truth(*truth["validation"], labels)
            try:
                chosen, *_ = choose_weight(folder / "validation", reference)
            except (ValueError, OSError) as error:
                raise UsageError(
                    f"choosing a weight on {folder}/validation: {error}"
                ) from error
        for subset, there in found.items():
            if chosen not in there:
                raise UsageError(
                    f"{folder / subset}: no scores at the weight {chosen}, "
                    f"there are {sorted(map(str, there))}; choose with --weight"
                )
        files[name] = {subset: found[subset][chosen] for subset in SUBSETS}
        weights[name] = chosen
    return files, weights


def average_files(files, weights, average):
    """Subset -> name of a file of averaged scores, and the scores."""
    from speechbrain_mmsed.evaluation.readers.npz import load_npz
    from speechbrain_mmsed.postprocessing.ensembles import average_scores
    from speechbrain_mmsed.postprocessing.scores import score_file

    # No name of a weight fits members at several.
    weight, *others = set(weights.values())
    named = not others and weight is not None
    file, averaged = score_file(weight) if named else "average.npz", {}
    for subset in SUBSETS:
        paths = [pair[subset] for pair in files.values()]
        scores = {str(path): load_npz(path) for path in paths}
        averaged[subset] = file, average_scores(scores, average)
    return averaged
