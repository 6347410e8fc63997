"""`mmsed listen`: events while they happen.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import os
import queue
import sys

from speechbrain_mmsed.cli.arguments import (
    UsageError,
    add_command,
    add_model_options,
    add_options,
    load_model,
    say,
)

DESCRIPTION = """\
Prints each event once, when it is over, of sound that is still coming:

  mmsed listen mic --model results/run/detector
  ffmpeg -i rtsp://camera -vn -f wav - | mmsed listen - --model results/run
  mmsed listen https://example.org/radio.mp3 --model results/run --latency 3

The pictures of a film are looked at by a detector that knows films. Without
--latency the events are those that `mmsed detect` finds in the whole; with one
they are there earlier, and others: the network hears less of what comes after
a moment before it judges it.
Ctrl-C ends the sound, and gives the events that went on until then."""

# Blocks of a microphone that wait when it is said that the network is slower
# than the sound: half a minute.
BEHIND = 300

OPTIONS = {
    "source": "mic, the standard input (-), a file, or an address that FFmpeg "
    "opens",
    "--latency S": "seconds until the scores of a moment are there (10, and "
    "equal to those of the whole)",
    "--metric": "events by the thresholds and filters that were tuned for this "
    "one (ebf1)",
}


def add_parser(commands):
    """Describes the command to the argparse subparsers."""
    parser = add_command(
        commands,
        "listen",
        help="events of a microphone, a pipe or a stream, while they happen",
        description=DESCRIPTION,
    )
    settings = {"--latency": {"type": float}, "--metric": {"default": "ebf1"}}
    add_options(parser, OPTIONS, settings)
    add_model_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments):
    """Prints events until the sound ends; 0."""
    detector, model = load_model(arguments)
    from speechbrain_mmsed.inference import DetectionError
    from speechbrain_mmsed.inference.listening import NOTHING

    name = "stream" if arguments.source == "-" else arguments.source
    source = _open(arguments.source)
    try:
        events = detector.listen(
            source.samplerate, arguments.metric, name, arguments.latency
        )
        if "film" in detector.kinds.values():
            source.look = events.stream.look
        say(
            f"model: {model}; {source.samplerate} Hz; an event is printed at "
            f"most {events.latency:.1f} s after it ends"
        )
        print("\t".join(NOTHING.columns), flush=True)
        n_events = _listen(events, source.blocks())
    except DetectionError as error:
        raise UsageError(str(error)) from error
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    say(f"{n_events} events in {events.stream.seconds:.1f} s of sound")
    return 0


def _listen(events, blocks):
    """Prints what is over, to the end; the number of events."""
    n_events = 0

    def show(table):
        text = table.round(4).to_csv(sep="\t", index=False, header=False)
        print(text, end="", flush=True)
        return len(table)

    try:
        for block in blocks:
            n_events += show(events.feed(block))
    except KeyboardInterrupt:
        say("stopped")
    if not events.stream.seconds:
        raise UsageError(
            "no sound came (of a film with its index at the end, as most mp4 "
            "have it, nothing can be read from a pipe)"
        )
    return n_events + show(events.close())


def _open(source):
    """What has `samplerate`, `look` and `blocks`, or a UsageError."""
    if source == "mic":
        return _Microphone()
    from speechbrain_mmsed.dataio.media.film_sound import NoSoundError
    from speechbrain_mmsed.inference.live_film import LiveSource

    try:
        return LiveSource("pipe:0" if source == "-" else source)
    except NoSoundError as error:
        raise UsageError(f"{source}: {error}") from error


class _Microphone:
    """The default input, in blocks of a tenth of a second."""

    samplerate, look = 16000, None

    def __init__(self):
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise UsageError(
                f"mic needs sounddevice and PortAudio ({error}): pip install "
                f"'speechbrain_mmsed[live]'"
            ) from error
        self._how = {"samplerate": self.samplerate, "channels": 1}
        self._device = sounddevice
        try:
            sounddevice.check_input_settings(**self._how)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise UsageError(f"mic: {error}") from error

    def blocks(self):
        """Yields (samples, 1) float32, until Ctrl-C.

        They are kept while the network works: a device waits for nobody.
        """
        heard = queue.SimpleQueue()

        def keep(block, samples, times, status):
            heard.put((block.copy(), status.input_overflow))

        say_once = functools.cache(say)
        size = self.samplerate // 10
        with self._device.InputStream(
            callback=keep, blocksize=size, **self._how
        ):
            while True:
                block, lost = heard.get()
                if lost:
                    say_once("mic: the device lost sound")
                if heard.qsize() >= BEHIND:
                    say_once("mic: sound comes faster than it is looked at")
                yield block
