"""An open film: its packets and its frames, from any time on.

Bad packets are common in collected films, and indices that lead astray are,
too; `shown.py` and `media.py` build on what is here.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.dataio.media.film_sound import zero_of

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
        decodable = [track for track in tracks if track.codec_context]
        if not decodable:
            self.container.close()
            reason = "no decoder for it" if tracks else "no picture track"
            raise MediaError(self.path, f"unreadable: {reason}")
        self.stream = decodable[0]
        # Clips are decoded side by side with the network; more threads
        # here would only take its cores.
        self.stream.codec_context.thread_count = 1
        self.time_base = float(self.stream.time_base)
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.frame_seconds = 1.0 / float(rate) if rate else 0.04
        self.zero = zero_of(self.container)
        # Height of a pixel is 1; what is not known is taken as square.
        self.pixel_width = float(self.stream.sample_aspect_ratio or 1)
        # Seconds of packets whose picture is still to come, and of those
        # that could not be decoded.
        self.pending, self.failed = [], []

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

    def packets_from(self, seconds, margins=SEEK_MARGINS):
        """Packets from the key frame before a time on, or from earlier.

        Arguments
        ---------
        seconds : float
            From the file's zero.
        margins : tuple of float
            How much earlier to look for it, one after the other; none:
            from the beginning.

        Yields
        ------
        packet : av.Packet
            The first one is a key frame, from which on pictures decode.
        """
        self.pending, self.failed = [], []
        for margin in margins:
            if seconds - margin > SEEK_FROM and self._seek(seconds - margin):
                packets = self.packets()
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
        yield from self.packets()

    def decode(self, packet):
        """Frames that a packet completes; None drains the decoder."""
        stamped = packet is not None and packet.pts is not None
        if stamped:
            self.pending.append(self.seconds(packet.pts))
        # Where the file ends within a packet, VP9 would make a picture of
        # what is there. In MPEG streams the mark means less: most is there.
        dense = self.container.format.name in DENSE_FORMATS
        try:
            if packet is None or dense or not packet.is_corrupt:
                yield from self.stream.codec_context.decode(packet)
                return
        except self.errors:
            pass
        if stamped:
            self.failed.append(self.seconds(packet.pts))

    def frames(self, seconds=0.0):
        """Frames in the order of presentation.

        Arguments
        ---------
        seconds : float
            From the file's zero; begins with the frame that is shown then,
            or with an earlier one.

        Yields
        ------
        frame : av.VideoFrame
            Not converted.
        """
        # A key frame may be damaged, or only begin to build up a picture
        # (intra refresh); then an earlier one is needed.
        for margins in (SEEK_MARGINS, SEEK_MARGINS[1:], ()):
            frames = self._decoded(self.packets_from(seconds, margins))
            first = next(frames, None)
            stamped = first is not None and first.pts is not None
            if stamped and self.seconds(first.pts) <= seconds:
                break
            if seconds <= SEEK_FROM:
                break
        if first is not None:
            yield first
            yield from frames

    def _decoded(self, packets):
        """Frames of packets."""
        for packet in packets:
            yield from self.decode(packet)
        yield from self.decode(None)

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
