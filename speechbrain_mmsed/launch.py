"""Starts programs that do not outlive the one that started them.

A runner that is killed leaves no trainings behind, since a resumed one would
start the same again beside them. Two things see to that. On Linux the system
kills the child when its parent dies, however it dies. Everywhere the child
inherits the lock of its run, which is free only when parent and child are
gone. This module imports nothing heavy, as each child starts with it:

    python -m speechbrain_mmsed.launch PARENT PROGRAM ...

Authors
 * The speechbrain_mmsed authors, 2026
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl


def device_problem(name):
    """Why torch cannot compute on a device of this name here; "" if it can.

    Example
    -------
    >>> device_problem("cpu"), device_problem("gpu")
    ('', 'expected cpu, cuda, cuda:1 or mps')
    """
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).strip().split("\n")[0]
        if "Expected one of" in reason or "Invalid device" in reason:
            reason = "expected cpu, cuda, cuda:1 or mps"
        return reason
    return ""


def take_lock(path):
    """Locks a file, made if needed; None if somebody else has.

    The lock is held until the descriptor that is returned and all its copies
    in other processes are closed.

    Example
    -------
    >>> path = str(getfixture("tmp_path") / "a.lock")
    >>> lock = take_lock(path)
    >>> take_lock(path) is None
    True
    >>> os.close(lock)
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def start(command, log, lock, env=None):
    """Starts a program that dies with this one and holds a lock.

    Call it from the main thread: the system watches the thread. Without a log
    (an open file) the program prints here.

    Returns
    -------
    subprocess.Popen
    """
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
        pass_fds=[lock],
        env=env,
        # Ctrl-C then reaches the runner alone, which ends its children.
        start_new_session=True,
    )


def stop(process, patience=15.0):
    """Ends a started program and its children; `patience` s before killing."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def _main(parent, command):
    """Becomes the program, to be killed when the parent dies."""
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(DIE_WITH_PARENT, signal.SIGKILL)
        # It may have died before it was watched.
        if os.getppid() != parent:
            sys.exit("The program that asked for this one is gone.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2:])
