"""An open film: its packets, its frames and the times they are shown at.

Presentation times are the only sound base for choosing pictures, and bad
packets are common in collected films; `media.py` builds on what is here.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np

# How often in a row reading may fail before the rest is given up.
MAX_READ_ERRORS = 16


class MediaError(Exception):
    """A film of which no picture can be had; `reason` says why.

    Arguments
    ---------
    path : str
        The file.
    reason : str
        Why it yields nothing, in the wording of the manifests.
    """

    def __init__(self, path, reason):
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class Film:
    """An open film: packets, frames and their times.

    Arguments
    ---------
    path : str
        The file.
    """

    def __init__(self, path):
        import av

        self.path = str(path)
        self.errors = (av.FFmpegError, OSError, ValueError)
        if not os.path.isfile(self.path):
            raise MediaError(self.path, "absent")
        try:
            self.container = av.open(self.path, metadata_errors="replace")
        except self.errors as error:
            reason = getattr(error, "strerror", None) or error
            raise MediaError(
                self.path, f"unreadable: cannot be opened ({reason})"
            ) from error
        art = av.stream.Disposition.attached_pic
        tracks = [
            stream
            for stream in self.container.streams.video
            if not stream.disposition & art
        ]
        if not tracks:
            self.container.close()
            raise MediaError(self.path, "unreadable: no picture track")
        self.stream = tracks[0]
        # Clips are decoded side by side with the network; more threads
        # here would only take its cores.
        self.stream.codec_context.thread_count = 1
        self.time_base = float(self.stream.time_base)
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.frame_seconds = 1.0 / float(rate) if rate else 0.04
        discont = av.format.Flags.ts_discont.value
        arbitrary = self.container.format.flags & discont
        start = self.container.start_time if arbitrary else None
        self.zero = (start or 0) / av.time_base

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.container.close()

    def seconds(self, pts):
        """Time of a stamp, in seconds from the file's zero."""
        return pts * self.time_base - self.zero

    def packets(self):
        """Packets of the picture track, passing over what is damaged."""
        packets = self.container.demux(self.stream)
        failures = 0
        while failures < MAX_READ_ERRORS:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self.errors:
                failures += 1
                packets = self.container.demux(self.stream)
                continue
            failures = 0
            if packet.size:
                yield packet

    def decode(self, packet):
        """Frames that a packet completes; None drains the decoder."""
        try:
            yield from self.stream.codec_context.decode(packet)
        except self.errors:
            return

    def frames(self):
        """All frames in the order of presentation."""
        for packet in self.packets():
            yield from self.decode(packet)
        yield from self.decode(None)

    def shown(self, times):
        """Yields (frame, rows) for each frame that is shown at a time.

        Arguments
        ---------
        times : np.ndarray
            (T,) seconds, ascending.

        Yields
        ------
        frame : av.VideoFrame
            The frame, not converted.
        rows : np.ndarray
            Indices into `times` at which it is shown.
        """
        held, held_at = None, -np.inf
        for frame in self.frames():
            if frame.pts is None:
                continue
            at = self.seconds(frame.pts)
            if held is not None and at > held_at:
                rows = np.arange(
                    *np.searchsorted(times, [held_at, at], side="left")
                )
                if len(rows):
                    yield held, rows
            if at >= held_at:
                held, held_at = frame, at
            if held_at > times[-1]:
                return
        if held is not None:
            lasts = (held.duration or 0) * self.time_base
            end = held_at + (lasts or self.frame_seconds)
            rows = np.arange(
                *np.searchsorted(times, [held_at, end], side="left")
            )
            if len(rows):
                yield held, rows
