"""The pass of `mmsed detect` and `mmsed tag` over their recordings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import os
import sys

import speechbrain_mmsed
from speechbrain_mmsed.cli.arguments import UsageError, say, unusable_streams

# Files that one message names.
MOST_NAMED = 3


def run_all(arguments, opened, tables, how, outputs=None, line=None, edit=None):
    """Listens to all recordings; prints or writes results and a summary.

    Arguments
    ---------
    arguments, opened : argparse.Namespace and tuple
        Of the command, and what `open_all` makes of them.
    tables : dict
        Name -> function that makes a table of a list of results. What the
        first one holds is counted in the summary; without --out its rows are
        printed while they come.
    how : dict
        For `detect_files`, without the weight.
    outputs : Outputs or None
        What is written for each recording.
    line : callable or None
        What is printed of a detection instead of rows of a table.
    edit : callable or None
        Changes each result in place.

    Returns
    -------
    int
        0, or 1 if a recording failed; a UsageError is raised if nothing can
        be begun or results cannot be written.
    """
    from speechbrain_mmsed.files import write_text
    from speechbrain_mmsed.folders import remove_leftovers
    from speechbrain_mmsed.inference import DetectionError
    from speechbrain_mmsed.inference.folders.tables import (
        index_page,
        screen_lines,
        write_tables,
    )

    inputs, detector, _ = opened
    out, journal = arguments.out, None
    how = {**how, "primary_weight": arguments.primary_weight}
    written = [f"{name}.tsv" for name in (*tables, "files")]
    with_index = outputs is not None and "html" in outputs.suffixes
    if with_index:
        written.insert(0, "index.html")
    what, printed = next(iter(tables.items()))

    def on_result(result, detection, bar):
        if edit is not None:
            edit(result)
        if not out and not result.failed:
            text = printed([result]).split("\n", 1)[1]
            if line is not None:
                text = line(detection)
            bar.write(text, file=sys.stdout, end="")

    try:
        if out:
            if getattr(outputs, "cut", None):
                remove_leftovers(outputs.cut)
            settings = _settings(opened, how)
            journal = _open_journal(
                arguments, inputs, outputs, settings, written
            )
        elif line is None:
            print(printed([]), end="", flush=True)
        results = _listen(arguments, opened, how, outputs, journal, on_result)
        if out:
            texts = {name: table(results) for name, table in tables.items()}
            write_tables(results, detector.streams, out, texts)
            if with_index:
                page = index_page(results, outputs, detector.streams)
                write_text(os.path.join(out, "index.html"), page)
            journal.own(os.path.join(out, name) for name in written)
    except KeyboardInterrupt:
        kept = "what is done is kept; the same command goes on from here"
        say(f"stopped. {kept if out else 'nothing was written'}")
        sys.exit(130)
    except BrokenPipeError:
        raise
    except DetectionError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"results cannot be written: {error}") from error
    tell = print if out else say
    lines = screen_lines(
        results, inputs, detector.streams, what, explain=edit is None
    )
    for text in lines:
        tell(text)
    if getattr(outputs, "cut", None):
        n_segments = sum(len(r.events) for r in results if not r.failed)
        tell(f"segments: {n_segments} wav files in {outputs.cut}")
    where = "printed above; with --out DIR they are written to files"
    if out:
        names = ", ".join(written)
        if outputs is not None:
            suffixes = ", ".join(outputs.suffixes.values())
            names += f"; {suffixes} of each recording"
        where = f"{out} ({names})"
    tell(f"results: {where}")
    return int(any(result.failed for result in results))


def _listen(arguments, opened, how, outputs, journal, on_result):
    """Results of all recordings, with a progress bar on a terminal."""
    from tqdm import tqdm

    from speechbrain_mmsed.inference.folders.processes import ProcessFinder
    from speechbrain_mmsed.inference.folders.run import Finder, detect_all

    inputs, detector, model = opened
    results = []
    # A single recording has the detector's own bar, of its length.
    single = len(inputs.files) == 1
    how = {**how, "progress": None if single else False}
    find = Finder(detector, outputs, **how)
    if arguments.out and arguments.jobs > 1 and not single:
        start = (model, arguments.device, arguments.trust)
        start += (arguments.weights, arguments.map)
        find = ProcessFinder(start, arguments.jobs, outputs, find, **how)
    with tqdm(
        detect_all(inputs.files, find, outputs, journal),
        arguments.command,
        len(inputs.files),
        unit="file",
        disable=True if single else None,
    ) as bar:
        for result, detection in bar:
            if result.failed:
                bar.write(f"FAILED {result.message}", file=sys.stderr)
            on_result(result, detection, bar)
            results.append(result)
    return results


def _open_journal(arguments, inputs, outputs, settings, common):
    """The journal, unless files of the user would be overwritten."""
    from speechbrain_mmsed.inference.folders.journal import (
        ALL,
        Journal,
        journal_path,
        strangers,
    )

    out, command = arguments.out, arguments.command
    common = [os.path.join(out, name) for name in common]
    paths = list(common)
    if outputs is not None:
        for file in inputs.files:
            paths += outputs.paths(file).values()
    found = strangers(out, command, paths)
    if found:
        more = len(found) - MOST_NAMED
        named = ", ".join(found[:MOST_NAMED])
        raise UsageError(
            f"--out {out}: {named}{f' and {more} more' if more > 0 else ''} "
            f"would be overwritten, but no earlier call wrote it like this. "
            f"Nothing was begun; name another folder, or move "
            f"{'it' if len(found) == 1 else 'them'} away"
        )
    journal = Journal(journal_path(out, command), settings)
    journal.claim({ALL: common})
    return journal


def _settings(opened, how):
    """All that results depend on, for the journal."""
    from speechbrain_mmsed.inference.folders.results import source_state
    from speechbrain_mmsed.inference.wanted import EVERYTHING

    _, detector, _ = opened
    reasons = unusable_streams(detector, how["primary_weight"])
    return {
        "version": speechbrain_mmsed.__version__,
        "model": [source_state(path) for path in detector.files],
        "streams": {name: str(reason) for name, reason in reasons.items()},
        **how,
        "wanted": dataclasses.asdict(how.get("wanted", EVERYTHING)),
    }
