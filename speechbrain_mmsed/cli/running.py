"""The pass of `mmsed detect` and `mmsed tag` over their recordings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import sys

from speechbrain_mmsed.cli.errors import UsageError
from speechbrain_mmsed.cli.recordings import say

# Files that one message names.
MOST_NAMED = 3


def run_all(
    arguments, inputs, detector, model, how, outputs, journal, on_result
):
    """All recordings, with a progress bar on a terminal.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command.
    inputs : Inputs
        The recordings.
    detector : SoundEventDetector
        The model.
    model : str
        Its folder.
    how : dict
        For `detect_files`.
    outputs : Outputs or None
        What is written for each.
    journal : Journal or None
        What is done.
    on_result : callable
        Told (result, detection, bar) of each recording in order.

    Returns
    -------
    list of Result

    Raises
    ------
    UsageError
        If results cannot be written.
    """
    from tqdm import tqdm

    from speechbrain_mmsed.inference.folders.processes import ProcessFinder
    from speechbrain_mmsed.inference.folders.run import Finder, detect_all

    results = []
    # A single recording has the detector's own bar, of its length.
    single = len(inputs.files) == 1
    how = {**how, "progress": None if single else False}
    find = Finder(detector, outputs, **how)
    if arguments.out and arguments.jobs > 1 and not single:
        of_each = (model, arguments.device, arguments.jobs, outputs)
        find = ProcessFinder(*of_each, find, **how)
    bar = tqdm(
        detect_all(inputs.files, find, outputs, journal),
        arguments.command,
        len(inputs.files),
        unit="file",
        disable=True if single else None,
    )
    try:
        for result, detection in bar:
            if result.failed:
                bar.write(f"FAILED {result.message}", file=sys.stderr)
            on_result(result, detection, bar)
            results.append(result)
    except KeyboardInterrupt:
        bar.close()
        kept = "what is done is kept; the same command goes on from here"
        say(f"stopped. {kept if arguments.out else 'nothing was written'}")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever reads has enough: `mmsed detect ... | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        raise UsageError(f"results cannot be written: {error}") from error
    return results


def open_journal(arguments, inputs, outputs, settings, common):
    """The journal, unless files of the user would be overwritten.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command.
    inputs : Inputs
        The recordings.
    outputs : Outputs or None
        What is written for each.
    settings : dict
        As `settings_of` returns.
    common : list of str
        Names of files that are written for all together.

    Returns
    -------
    Journal

    Raises
    ------
    UsageError
        If there is a file that no earlier call wrote.
    """
    from speechbrain_mmsed.inference.folders.journal import ALL, Journal
    from speechbrain_mmsed.inference.folders.strangers import (
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
        named = ", ".join(map(str, found[:MOST_NAMED]))
        raise UsageError(
            f"--out {out}: {named}{f' and {more} more' if more > 0 else ''} "
            f"would be overwritten, but no earlier call wrote it like this. "
            f"Nothing was begun; name another folder, or move "
            f"{'it' if len(found) == 1 else 'them'} away"
        )
    journal = Journal(journal_path(out, command), settings)
    journal.claim({ALL: common})
    return journal


def settings_of(detector, model, arguments, **more):
    """All that results depend on, for the journal.

    Arguments
    ---------
    detector : SoundEventDetector
        The model.
    model : str
        Its folder.
    arguments : argparse.Namespace
        Of the command.
    **more
        Further settings.

    Returns
    -------
    dict
    """
    import speechbrain_mmsed
    from speechbrain_mmsed.inference.folders.results import file_state

    names = (
        *("hyperparams.yaml", "postprocessing.json", "network.ckpt"),
        *("frontend.ckpt", "streams.json"),
    )
    return {
        "version": speechbrain_mmsed.__version__,
        "model": [file_state(os.path.join(model, name)) for name in names],
        "primary_weight": arguments.primary_weight,
        "streams": _usable(detector, arguments.primary_weight),
        **more,
    }


def _usable(detector, primary_weight):
    """Stream -> why films cannot be used for it, empty if they can."""
    from speechbrain_mmsed.inference import DetectionError

    if primary_weight == 1:
        return {}
    reasons = {}
    for name in detector.streams:
        try:
            reasons[name] = detector.setup.embedders.get(name)[1]
        except DetectionError as error:  # no matter without films
            reasons[name] = str(error)
    return reasons
