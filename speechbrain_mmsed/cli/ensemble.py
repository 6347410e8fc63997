"""`mmsed ensemble`: the averaged scores of several runs, beside its members.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import contextlib
import io
import pathlib

from speechbrain_mmsed.cli import evaluate
from speechbrain_mmsed.cli.arguments import UsageError, add_command, add_options
from speechbrain_mmsed.cli.ensemble_inputs import (
    SUBSETS,
    average_files,
    choose_files,
    find_runs,
    settings_of,
    truth_files,
)
from speechbrain_mmsed.cli.ensemble_table import ensemble_table

DESCRIPTION = """\
Averages the stored scores of runs with the same clips: seeds of a system, or
systems with different streams. The ensemble is tuned on validation, with a
median filter and with sound event bounding boxes, and evaluated beside its
members, as `mmsed evaluate` does.

A RUN is the output folder of a training, of another ensemble, or a folder of
scores with validation/ and evaluation/ (such as results/run/scores/teacher).

  mmsed ensemble results/run_1 results/run_2 results/run_3 --out results/three
  mmsed compare results/three/members/run_1 results/three

writes to --out
  ensemble.md, .json     figures of the members, their mean, the ensemble
  report.html, .md, .json, counts_*.npz   the ensemble, as `mmsed evaluate`
  members/<name>/        the same for each member
  scores/<model>/<subset>/   the averaged scores
  detector/              for `mmsed detect --model`, if each run has one
A call that was interrupted resumes where it stopped.
"""

NAME = "ensemble"
# What results depend on, written first; and what is written last.
SETTINGS, LAST = "settings.json", "ensemble.json"

OPTIONS = {
    "runs RUN": "see above; two or more",
    "--out DIR": "gets all that is written",
    "--model NAME": "whose scores of each training: student or teacher "
    "(student)",
    "--weight W": "fusion weight of all members that have scores at several; "
    "otherwise each has the one with the best event-based F1 on validation",
    "--average HOW": "log-odds (better F1) or probability (better PSDS): what "
    "is averaged (log-odds)",
    "--truth-folder DIR": "validation.tsv, evaluation.tsv and their durations, "
    "as the preparation writes them (those of the first training)",
}
OPTION_SETTINGS = {
    "runs": {"nargs": "+"},
    "--out": {"required": True},
    "--model": {"default": "student"},
    "--average": {
        "default": "log-odds",
        "choices": ["log-odds", "probability"],
    },
    "--weight": {"type": evaluate.weight},
}


def add_parser(commands):
    """Describes the command."""
    parser = add_command(
        commands,
        NAME,
        help="averaged scores of several runs, beside its members",
        description=DESCRIPTION,
    )
    add_options(parser, OPTIONS, OPTION_SETTINGS)
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command; 0."""
    from speechbrain_mmsed.files import ClearError
    from speechbrain_mmsed.problems import need_metrics

    try:
        need_metrics()
        _make(arguments, pathlib.Path(arguments.out))
    except (ClearError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0


def _make(arguments, out):
    """Makes what is not there yet, and prints the figures."""
    from tqdm import tqdm

    from speechbrain_mmsed.dataio.corpus.settings_folder import is_complete
    from speechbrain_mmsed.files import write_json, write_text
    from speechbrain_mmsed.pages import markdown_text

    runs, folders = find_runs(arguments.runs, arguments.model)
    truth = truth_files(arguments.truth_folder, runs)
    settings = settings_of(arguments, runs, folders, truth)
    begun = is_complete(out, settings, SETTINGS)
    if begun and (out / LAST).is_file():
        print(f"{out}: up to date, nothing was done")
        return _tell(out)
    with tqdm(total=len(runs) + 3, desc=NAME, disable=None) as bar:
        files, weights = choose_files(folders, truth, arguments.weight)
        averaged = average_files(files, weights, arguments.average)
        write_json(out / SETTINGS, settings)
        files[NAME] = {}
        for subset, (file, scores) in averaged.items():
            path = out / "scores" / arguments.model / subset / file
            scores.save(path)
            files[NAME][subset] = path
        bar.update()
        reports = {}
        for name, pair in files.items():
            place = out if name == NAME else out / "members" / name
            reports[name] = _evaluate(name, pair, truth, place)
            bar.update()
        content, text = ensemble_table(arguments, runs, weights, reports)
        content["detector"] = _export(
            *(out / "detector", runs, weights, arguments.model, text),
            *(reports[NAME], arguments.average),
        )
        text += f"\nDetector: {markdown_text(content['detector'])}.\n"
        write_text(out / "ensemble.md", text)
        write_json(out / LAST, content)
        bar.update()
    _tell(out)


def _evaluate(name, files, truth, out):
    """The report of `mmsed evaluate`, which is kept if it is there."""
    from speechbrain_mmsed.files import read_json

    # The page is what a report ends with.
    if not (out / "report.html").is_file():
        events, durations = zip(*truth.values(), strict=True)
        options = [f"--name={name}", f"--out={out}", "--postprocessing=both"]
        options.append("--no-pictures")
        for n, prefix in enumerate(("--validation-", "--")):
            options.append(f"{prefix}predictions={files[SUBSETS[n]]}")
            options.append(f"{prefix}ground-truth={events[n]}")
            options.append(f"{prefix}durations={durations[n]}")
        parser = argparse.ArgumentParser()
        evaluate.add_parser(parser.add_subparsers())
        given = parser.parse_args(["evaluate", *options])
        # All that it prints stands in the report.
        with contextlib.redirect_stdout(io.StringIO()):
            given.run(given)
    return read_json(out / "report.json")


def _export(folder, runs, weights, model, text, report, average):
    """Writes the detector if all members have one: where, or why not."""
    members = {name: run / "detector" for name, run in runs.items()}
    lacking = [str(one) for one in members.values() if not one.is_dir()]
    if lacking:
        return f"none, since there is no {' and no '.join(lacking)}"
    from speechbrain_mmsed.inference import DetectionError
    from speechbrain_mmsed.inference.ensemble_export import export_ensemble

    try:
        export_ensemble(folder, members, model, weights, report, text, average)
    except DetectionError as error:
        return f"none, since {error}"
    return str(folder)


def _tell(out):
    """The figures, and where everything is."""
    print((out / "ensemble.md").read_text(encoding="utf-8"))
    print(
        f"results: {out / 'ensemble.md'} (this table), report.html (the "
        "ensemble), members/, scores/ beside it"
    )
