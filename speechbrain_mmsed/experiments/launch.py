"""Starts programs that do not outlive the one that started them.

A runner that is killed leaves no trainings behind, since a resumed one would
start the same again beside them. Two things see to that. On Linux the system
kills the child when its parent dies, however it dies. Everywhere the child
inherits the lock of its run, which is free only when parent and child are
gone.

    python -m speechbrain_mmsed.experiments.launch PARENT PROGRAM ...

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


def take_lock(path):
    """Locks a file if nobody else has.

    Arguments
    ---------
    path : str
        The file; made if needed.

    Returns
    -------
    int or None
        Descriptor that holds the lock until it and all its copies in other
        processes are closed; None if it is locked.

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

    Call it from the main thread: the system watches the thread.

    Arguments
    ---------
    command : list of str
        Program and arguments.
    log : file or None
        Gets what it prints; None prints it here.
    lock : int
        From `take_lock`.
    env : dict, optional
        Environment.

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
    """Ends a program and what it started.

    Arguments
    ---------
    process : subprocess.Popen
        As from `start`.
    patience : float
        Seconds between asking and killing.
    """
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def main(parent, command):
    """Becomes the program, to be killed when the parent dies.

    Arguments
    ---------
    parent : int
        Number of the process that asked for it.
    command : list of str
        Program and arguments.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(DIE_WITH_PARENT, signal.SIGKILL)
        # It may have died before it was watched.
        if os.getppid() != parent:
            sys.exit("The program that asked for this one is gone.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
