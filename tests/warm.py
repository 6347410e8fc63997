"""Runs programs in copies of a process that has loaded their libraries.

Python with torch takes longer to start than most of what is tested does. The
process reads lines of JSON, arguments of `start`, and answers each with the
number of the copy, and with its exit code once it has ended.
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import signal
import sys
import threading
import traceback

LIBRARIES = (
    *("torch", "speechbrain", "pandas", "scipy.ndimage", "hyperpyyaml"),
    *("psds_eval", "sed_eval", "jinja2", "soundfile", "av"),
    *("torch.utils.tensorboard", "matplotlib.figure", "tqdm"),
    *("matplotlib.backends.backend_agg", "speechbrain.utils.train_logger"),
)
CHANGES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"}


def load():
    """Loads the libraries that are installed."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def start(words, said, folder="", last=0):
    """Starts a program in a copy of this process; the copy's number.

    What it says goes to the file `said`; how often it has changed files in
    `folder`, by Python, to `said` and ".changes". Instead of the change `last`
    it kills itself.
    """
    number = os.fork()
    if number:
        return number
    os.setsid()
    with open(said, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    changes = _watch(folder, last) if folder else []
    code = 1
    try:
        code = _run(words)
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        with open(f"{said}.changes", "w") as file:
            file.write(str(len(changes)))
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def wait(number):
    """Waits for a copy to end; its exit code, below 0 for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def _run(words):
    """Does as Python would with these words; the exit code."""
    sys.argv[:] = words
    try:
        if words[0] == "-m":
            del sys.argv[0]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = os.path.dirname(words[0])
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0


def _watch(folder, last):
    """A list that grows by an element before each change in the folder."""
    process, changes = os.getpid(), []

    def hook(event, values):
        if event not in CHANGES or os.getpid() != process:
            return
        if event == "open" and not values[2] & (os.O_WRONLY | os.O_RDWR):
            return
        if isinstance(values[0], int):
            return
        path = os.path.abspath(os.fsdecode(values[0]))
        if path.startswith(folder):
            changes.append(path)
            if len(changes) == last:
                os.kill(process, signal.SIGKILL)

    sys.addaudithook(hook)
    return changes


def _serve():
    """Answers until there is nobody left who asks."""
    load()
    print("ready", flush=True)
    for line in sys.stdin:
        number = start(**json.loads(line))
        print(number, flush=True)
        print(wait(number), flush=True)


if __name__ == "__main__":
    _serve()
