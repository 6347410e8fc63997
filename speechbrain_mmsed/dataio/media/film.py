"""An open film: its packets, its frames, and which frame is shown when.

Bad packets are common in collected films, and so are indices that lead
astray. Presentation times are the only sound base for choosing pictures: a
frame is shown from its own time to that of the next one, whatever their
numbers are.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np

from speechbrain_mmsed.dataio.media.film_sound import (
    LARGEST_PICTURE,
    LIMITS,
    open_media,
    zero_of,
)

# How often in a row reading may fail before the rest is given up.
MAX_READ_ERRORS = 16
# Films are read from their beginning unless that is further away than this,
# in seconds: seeking costs about as much as decoding so far.
SEEK_FROM = 5.0
# How much earlier than wanted to look for a key frame, in seconds: indices of
# some containers are only roughly right.
SEEK_MARGINS = (0.0, 5.0)
# MPEG program streams stamp some pictures only; the stamps that are put in
# between differ after seeking.
NO_SEEK_FORMATS = ("mpeg", "mpegvideo", "vob")
# MPEG streams stamp pictures every 0.7 s at least (ISO/IEC 13818-1, 2.7.4):
# where they do not, packets are lost.
DENSE_FORMATS = ("mpeg", "mpegts")
# Over a damaged passage a picture is not held longer than this, in seconds.
# Without damage it may: slides have one picture for minutes.
MAX_HOLD = 1.0


LIMIT = "larger than {} x {} is not read".format(*LARGEST_PICTURE)


class MediaError(Exception):
    """A film of which no picture can be had; `reason` says why."""

    def __init__(self, path, reason):
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class Film:
    """An open film: packets, frames and their times; a context manager.

    Times are in seconds from the file's zero. A MediaError if the film cannot
    be opened or has no pictures.
    """

    def __init__(self, path):
        import av

        self.path = str(path)
        # IndexError is PyAV's for packets of a track that the head of the
        # file does not mention.
        self.errors = (av.FFmpegError, OSError, ValueError, IndexError)
        if not os.path.isfile(self.path):
            raise MediaError(self.path, "absent")
        self._open()

    def _open(self):
        """Opens the file at its beginning."""
        import av

        try:
            self.container = open_media(self.path)
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
        decodable = [track for track in tracks if track.codec_context]
        if not decodable:
            self.container.close()
            reason = "no decoder for it" if tracks else "no picture track"
            raise MediaError(self.path, f"unreadable: {reason}")
        self.stream = decodable[0]
        coded = self.stream.codec_context
        if coded.width * coded.height > int(LIMITS["max_pixels"]):
            self.container.close()
            sides = f"{coded.width} x {coded.height} pixels"
            raise MediaError(self.path, f"unreadable: {sides}, {LIMIT}")
        coded.options = LIMITS  # of pictures further on
        # Clips are decoded side by side with the network; more threads
        # here would only take its cores.
        coded.thread_count = 1
        self.dense = self.container.format.name in DENSE_FORMATS
        self.time_base = float(self.stream.time_base)
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.frame_seconds = 1.0 / float(rate) if rate else 0.04
        self.zero = zero_of(self.container)
        # Height of a pixel is 1; what is not known is taken as square.
        self.pixel_width = float(self.stream.sample_aspect_ratio or 1)
        # Times of packets whose picture is still to come, and of those that
        # could not be decoded.
        self.pending, self.failed = [], []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.container.close()

    def seconds(self, pts):
        """Time of a stamp."""
        return pts * self.time_base - self.zero

    def lasts(self, piece):
        """How long a packet or a frame is shown by its own account."""
        return (piece.duration or 0) * self.time_base or self.frame_seconds

    def _packets(self):
        """Packets of the picture track, passing over what is damaged."""
        packets, failures = self.container.demux(self.stream), 0
        while failures < MAX_READ_ERRORS:
            try:
                packet = next(packets, None)
            except self.errors:
                failures += 1
                packets = self.container.demux(self.stream)
                continue
            if packet is None:
                return
            failures = 0
            if packet.size:
                yield packet

    def packets_from(self, seconds, margins=SEEK_MARGINS):
        """Packets from the key frame before a time on, or from earlier."""
        self.pending, self.failed = [], []
        for margin in margins:
            if seconds - margin > SEEK_FROM and self._seek(seconds - margin):
                packets = self._packets()
                for packet in packets:
                    if packet.is_keyframe and packet.pts is not None:
                        break
                else:
                    continue
                if self.seconds(packet.pts) <= seconds:
                    yield packet
                    yield from packets
                    return
        if seconds > SEEK_FROM:
            # The index leads nowhere: go back to the beginning, also where
            # seeking is not possible at all.
            self.container.close()
            self._open()
        yield from self._packets()

    def _seek(self, seconds):
        """Goes to the key frame before a time; whether that is possible."""
        if self.container.format.name in NO_SEEK_FORMATS:
            return False
        stamp = int((seconds + self.zero) / self.time_base)
        try:
            self.container.seek(stamp, stream=self.stream)
        except self.errors:
            return False
        return True

    def decode(self, packet):
        """Frames that a packet completes; None drains the decoder."""
        stamped = packet is not None and packet.pts is not None
        if stamped:
            self.pending.append(self.seconds(packet.pts))
        # Where the file ends within a packet, VP9 would make a picture of
        # what is there. In MPEG streams the mark means less: most is there.
        try:
            if packet is None or self.dense or not packet.is_corrupt:
                yield from self.stream.codec_context.decode(packet)
                return
        except self.errors:
            pass
        if stamped:
            self.failed.append(self.seconds(packet.pts))

    def frames(self, seconds=0.0):
        """Frames in their order, from the one shown at a time or earlier."""
        # A key frame may be damaged, or only begin to build up a picture
        # (intra refresh); then an earlier one is needed.
        for margins in (SEEK_MARGINS, SEEK_MARGINS[1:], ()):
            frames = self._decoded(self.packets_from(seconds, margins))
            first = next(frames, None)
            stamped = first is not None and first.pts is not None
            early = stamped and self.seconds(first.pts) <= seconds
            if early or seconds <= SEEK_FROM:
                break
        if first is not None:
            yield first
            yield from frames

    def _decoded(self, packets):
        """Frames of packets."""
        for packet in packets:
            yield from self.decode(packet)
        yield from self.decode(None)

    def shown(self, times):
        """Frames shown at one of some ascending times, with their indices."""
        if not len(times):
            return
        held, held_at = None, -np.inf
        for at, frame in self._in_order(self.frames(times[0])):
            if held is not None:
                rows = _between(times, held_at, self._held_until(held_at, at))
                if len(rows):
                    yield held, rows
            held, held_at = frame, at
            if held_at > times[-1]:
                return
        if held is not None:
            rows = _between(times, held_at, held_at + self.lasts(held))
            if len(rows):
                yield held, rows

    def _in_order(self, frames):
        """Frames with their times, less those that are stamped far off.

        Decoders give frames in the order of their showing. Where one is
        earlier than the frame before it, either stamp may be damaged: the
        other's, if this one still follows what came before both.
        """
        before, waiting = -np.inf, None
        for frame in frames:
            if frame.pts is None:
                continue
            at = self.seconds(frame.pts)
            if waiting is not None and at < waiting[0]:
                if at > before:
                    waiting = at, frame
                continue
            if waiting is not None:
                yield waiting
                before = waiting[0]
            waiting = at, frame
        if waiting is not None:
            yield waiting

    def _held_until(self, begin, end):
        """Until when a frame is shown that is followed by another.

        Bad packets make decoders fail, or (AV1) just yield nothing. A long
        time without any packet is a long picture, even if a damaged file
        lost some there: Matroska, which skips to the next good cluster, does
        not let the two be told apart.
        """
        lost = [at for at in self.pending if begin < at < end]
        failed = [at for at in self.failed if begin < at < end]
        self.pending = [at for at in self.pending if at >= end]
        self.failed = [at for at in self.failed if at >= end]
        if end - begin <= MAX_HOLD:
            return end
        if self.dense:
            return begin + MAX_HOLD
        # A single packet without a picture is no fault: VP8 has some that
        # are not to be shown.
        first = min(lost + failed) if len(lost) > 1 or failed else end
        return end if end - first <= MAX_HOLD else first


def _between(times, begin, end):
    """Indices of the times from begin on and before end."""
    return np.arange(*np.searchsorted(times, [begin, end], side="left"))
