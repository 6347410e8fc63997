"""Runs the jobs of an experiment, several at once.

Jobs that are done are left alone, those that died are restarted and resume from
their checkpoint, those that fail are listed at the end. Several runners
may share one experiment: a job is locked while it runs.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import shlex
import socket
import time
from dataclasses import dataclass

from tqdm import tqdm

from speechbrain_mmsed.files import disk_full_explained
from speechbrain_mmsed.folders import check_writable
from speechbrain_mmsed.launch import start, stop, take_lock
from sweep.jobs import sorted_out
from sweep.plan import PlanError
from sweep.progress import (
    clock,
    fraction_done,
    remaining_seconds,
)

BAR = "{desc}: {percentage:3.0f}% |{bar}| {postfix}"


@dataclass
class _Running:
    """A running job; `log_start` is where its part of the log begins."""

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
        self.waiting, self.running, self.failed = [], [], []
        self.durations = []

    def run(self):
        """Runs what is not done; (job, reason) of what failed.

        Raises
        ------
        PlanError
            If a folder holds a run with other settings; nothing is started.
        """
        done, self.waiting, self.failed = sorted_out(self.jobs)
        self.durations = [job.record().get("seconds", 0.0) for job in done]
        with tqdm(
            total=len(self.jobs),
            initial=len(done),
            desc="runs",
            disable=None,
            bar_format=BAR,
        ) as bar:
            try:
                while self.waiting or self.running:
                    self._start_some()
                    self._collect()
                    ended, left, bar.n = self._progress()
                    bar.set_postfix_str(
                        f"{ended} of {len(self.jobs)} runs, "
                        f"{len(self.running)} running, remaining {left}"
                    )
                    time.sleep(self.poll_seconds)
            except BaseException:
                # The next runner continues with them.
                for running in self.running:
                    stop(running.process)
                    os.close(running.lock)
                raise
        return self.failed

    def _start_some(self):
        """Fills the free devices with jobs that nobody else does."""
        free = list(self.devices)
        for running in self.running:
            free.remove(running.device)
        for job in list(self.waiting):
            if not free:
                return
            lock = None
            try:
                lock = take_lock(job.lock)
                if lock is None:
                    continue  # another runner, or what one has left behind
                self.waiting.remove(job)
                if job.is_done():
                    os.close(lock)
                    tqdm.write(f"{job.name}: done by another runner")
                    continue
                self.running.append(self._start(job, free[0], lock))
                free.pop(0)
            except (OSError, ValueError) as error:
                if lock is None:
                    self.waiting.remove(job)
                else:
                    os.close(lock)
                if isinstance(error, PlanError):
                    raise
                # One folder that is not as it should be stops no other run.
                reason = f"not started: {error}"
                self.failed.append((job, reason))
                tqdm.write(f"{job.name}: {reason}")

    def _start(self, job, device, lock):
        """The running job, its record and the head of its log written."""
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
        with disk_full_explained(job.log), open(job.log, "ab") as log:
            title = f"== attempt {attempt}, {time.ctime(began)}"
            log.write(f"{title}: {shlex.join(command)}\n".encode())
            log.flush()
            log_start = log.tell()
            process = start(command, log, lock, self._environment(device))
        return _Running(job, process, lock, device, began, log_start)

    def _environment(self, device):
        """Jobs at once on one processor share its cores."""
        env = dict(os.environ)
        beside = self.devices.count(device)
        if device == "cpu" and beside > 1:
            cores = len(os.sched_getaffinity(0)) // beside
            env.setdefault("OMP_NUM_THREADS", str(max(1, cores)))
        return env

    def _collect(self):
        """Writes down the jobs that have ended."""
        for running in list(self.running):
            code = running.process.poll()
            if code is None:
                continue
            self.running.remove(running)
            seconds = time.time() - running.began
            reason = self._end(running.job, code, seconds)
            os.close(running.lock)
            if reason is None:
                self.durations.append(seconds)
            ended, left, _ = self._progress()
            tqdm.write(
                f"[{ended}/{len(self.jobs)}] {running.job.name}: "
                f"{reason or 'done'} after {clock(seconds)}; remaining {left}"
            )

    def _end(self, job, code, seconds):
        """The record of a job that has ended; the reason if it failed."""
        reason = None
        if code != 0:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            reason = f"failed with {how}"
            try:
                # Its own last words may not have fitted on the disk.
                check_writable(job.folder)
            except OSError as error:
                reason = f"{reason}: {error}"
        elif not job.has_report():
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

    def _progress(self):
        """Jobs that have ended, the time left, and how much is done."""
        states = [running.state() for running in self.running]
        ended = len(self.jobs) - len(self.waiting) - len(states)
        left = remaining_seconds(
            self.durations, len(self.waiting), states, len(self.devices)
        )
        return ended, clock(left), ended + sum(part for _, part in states)
