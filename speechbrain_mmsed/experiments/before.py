"""What runs need before they can start: data, streams.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import os
import shlex
import sys
import time

from speechbrain_mmsed.experiments.commands import filled
from speechbrain_mmsed.experiments.launch import start, stop, take_lock
from speechbrain_mmsed.experiments.plan import PlanError
from speechbrain_mmsed.files import write_json

DONE_FILE = "before.json"


def run_before(plan, folder):
    """Runs the commands that make what the runs need, once.

    Of several runners one does it, and the others wait.

    Arguments
    ---------
    plan : Plan
        Its `before`.
    folder : str
        Folder of the experiment.

    Raises
    ------
    PlanError
        If a command fails; the same call goes on from there.
    """
    folder = os.path.abspath(folder)
    lock = _wait_for_lock(os.path.join(folder, "locks", "before.lock"))
    try:
        for command in plan.before:
            words = [str(w) for w in filled(command, folder, plan.folder)]
            program = os.path.normpath(os.path.join(plan.folder, words[0]))
            command = [sys.executable, program, *words[1:]]
            if command in _done(folder):
                continue
            print(f"== first: {shlex.join(command)}", flush=True)
            _run(command, lock)
            write_json(
                os.path.join(folder, DONE_FILE), [*_done(folder), command]
            )
    finally:
        os.close(lock)


def _done(folder):
    """Commands that have ended well."""
    path = os.path.join(folder, DONE_FILE)
    if not os.path.isfile(path):
        return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _wait_for_lock(path):
    """The lock, once nobody else holds it."""
    told = False
    while (lock := take_lock(path)) is None:
        if not told:
            print("Waiting for another runner that prepares the data.")
            told = True
        time.sleep(0.5)
    return lock


def _run(command, lock):
    process = start(command, None, lock)
    try:
        code = process.wait()
    except BaseException:
        stop(process)
        raise
    if code:
        raise PlanError(
            f"{shlex.join(command)}\nfailed with exit code {code}, see "
            "above; start the experiment again to go on"
        )


def without_streams(jobs):
    """Jobs whose streams are not extracted.

    Arguments
    ---------
    jobs : list of Job
        With `prepared_folder` or `streams_folder` among their overrides;
        of others nothing is known before they run.

    Returns
    -------
    dict
        Folder of a stream that is not there -> jobs that need it.
    """
    missing = {}
    for job in jobs:
        folder = job.overrides.get("streams_folder")
        prepared = job.overrides.get("prepared_folder")
        if folder is None and prepared is not None:
            folder = os.path.join(prepared, "streams")
        for name in job.configuration.streams if folder else ():
            stream = os.path.join(folder, name)
            if not os.path.isfile(os.path.join(stream, "stream.json")):
                missing.setdefault(stream, []).append(job)
    return missing
