"""Runs the jobs of an experiment, several at once.

Jobs that are done are left alone, those that died are started again and go on
from their checkpoint, those that fail are listed at the end. Several runners
may share one experiment: a job is locked while it runs.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import shlex
import socket
import time
from dataclasses import dataclass

from speechbrain_mmsed.experiments.jobs import sorted_out
from speechbrain_mmsed.experiments.launch import start, stop, take_lock
from speechbrain_mmsed.experiments.plan import PlanError
from speechbrain_mmsed.experiments.progress import (
    Progress,
    clock,
    fraction_done,
)


@dataclass
class Running:
    """A job in work.

    Arguments
    ---------
    job : Job
        Which one.
    process : subprocess.Popen
        Its process.
    lock : int
        Descriptor of its lock.
    device : str
        Where it runs.
    began : float
        Time at which it was started.
    log_start : int
        Where its part of the log begins.
    """

    job: object
    process: object
    lock: int
    device: str
    began: float
    log_start: int

    def state(self):
        """Seconds so far and fraction done."""
        seconds = time.time() - self.began
        return seconds, fraction_done(self.job.log, self.log_start)


class Runner:
    """Runs jobs on devices.

    Arguments
    ---------
    jobs : list of Job
        What to run, in this order.
    devices : list of str
        One job at a time on each; the same may stand there several times.
    poll_seconds : float
        How often to look whether a job has ended.
    command : callable, optional
        Job and device -> list of str, in place of `Job.command`.
    """

    def __init__(self, jobs, devices, poll_seconds=0.5, command=None):
        self.jobs = list(jobs)
        self.devices = list(devices)
        self.poll_seconds = poll_seconds
        self.command = command or (lambda job, device: job.command(device))
        self.running, self.failed = [], []

    def run(self):
        """Runs what is not done.

        Returns
        -------
        list of tuple
            (job, reason) of those that failed.

        Raises
        ------
        PlanError
            If a folder holds a run with other settings; nothing is started.
        """
        done, waiting, self.failed = sorted_out(self.jobs)
        progress = Progress(
            len(self.jobs),
            len(self.devices),
            [job.record().get("seconds", 0.0) for job in done],
        )
        try:
            while waiting or self.running:
                self._start_some(waiting, progress)
                self._collect(len(waiting), progress)
                states = [running.state() for running in self.running]
                progress.show(len(waiting), states)
                time.sleep(self.poll_seconds)
        except BaseException:
            self._interrupt()
            raise
        finally:
            progress.close()
        return self.failed

    def _start_some(self, waiting, progress):
        """Fills the free devices with jobs that nobody else does."""
        free = list(self.devices)
        for running in self.running:
            free.remove(running.device)
        for job in list(waiting):
            if not free:
                return
            lock = None
            try:
                lock = take_lock(job.lock)
                if lock is None:
                    continue  # another runner, or what one has left behind
                waiting.remove(job)
                if job.is_done():
                    os.close(lock)
                    progress.line(f"{job.name}: done by another runner")
                    continue
                self.running.append(self._start(job, free[0], lock))
                free.pop(0)
            except (OSError, ValueError) as error:
                if lock is None:
                    waiting.remove(job)
                else:
                    os.close(lock)
                if isinstance(error, PlanError):
                    raise
                # One folder that is not as it should be stops no other run.
                reason = f"not started: {error}"
                self.failed.append((job, reason))
                progress.line(f"{job.name}: {reason}")

    def _start(self, job, device, lock):
        command = self.command(job, device)
        attempt = job.record().get("attempt", 0) + 1
        os.makedirs(os.path.dirname(job.log), exist_ok=True)
        began = time.time()
        job.write_record(
            status="running",
            attempt=attempt,
            began=began,
            host=socket.gethostname(),
            device=device,
            command=command,
        )
        with open(job.log, "ab") as log:
            title = f"== attempt {attempt}, {time.ctime(began)}"
            log.write(f"{title}: {shlex.join(command)}\n".encode())
            log.flush()
            log_start = log.tell()
            process = start(command, log, lock, self._environment(device))
        return Running(job, process, lock, device, began, log_start)

    def _environment(self, device):
        """Jobs at once on one processor share its cores."""
        env = dict(os.environ)
        beside = sum(other == device for other in self.devices)
        if device == "cpu" and beside > 1:
            cores = len(os.sched_getaffinity(0)) // beside
            env.setdefault("OMP_NUM_THREADS", str(max(1, cores)))
        return env

    def _collect(self, n_waiting, progress):
        """Writes down the jobs that have ended."""
        for running in list(self.running):
            code = running.process.poll()
            if code is None:
                continue
            self.running.remove(running)
            job, seconds = running.job, time.time() - running.began
            reason = self._end(running, code, seconds)
            os.close(running.lock)
            if reason is None:
                progress.durations.append(seconds)
            states = [other.state() for other in self.running]
            left = clock(progress.remaining(n_waiting, states))
            ended = len(self.jobs) - n_waiting - len(self.running)
            progress.line(
                f"[{ended}/{len(self.jobs)}] {job.name}: "
                f"{reason or 'done'} after {clock(seconds)}; remaining {left}"
            )

    def _end(self, running, code, seconds):
        """The record of a job that has ended; the reason if it failed."""
        job, reason = running.job, None
        if code != 0:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            reason = f"failed with {how}"
        elif not os.path.isfile(os.path.join(job.folder, "report.json")):
            reason = "ended without a report"
        try:
            record = {
                **job.record(),
                "status": "failed" if reason else "done",
                "seconds": round(seconds, 1),
                "ended": time.time(),
            }
            record.pop("overrides", None)
            if reason:
                record["reason"] = reason
            job.write_record(**record)
        except (OSError, ValueError) as error:
            reason = f"{reason or 'ended'}, but not written down: {error}"
        if reason:
            self.failed.append((job, reason))
        return reason

    def _interrupt(self):
        """Ends what is running; the next runner goes on with it."""
        for running in self.running:
            stop(running.process)
            os.close(running.lock)
