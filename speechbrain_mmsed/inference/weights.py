"""What an exported folder holds or names is what training had, or an error.

Its files are read without running anything. SpeechBrain's own hooks load what
fits and warn of the rest; a detector with half of its weights is no detector.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import threading

from speechbrain_mmsed import files
from speechbrain_mmsed.dataio.streams.embedding import placed
from speechbrain_mmsed.dataio.streams.identity import IDENTITY, fingerprint
from speechbrain_mmsed.dataio.streams.records import (
    stream_kind,
)
from speechbrain_mmsed.folders import changed_settings
from speechbrain_mmsed.inference.results import DetectionError
from speechbrain_mmsed.lobes.visual import weights

AGAIN = "export the run again by repeating its training command"
MISSING = "{} does not exist; a detector folder has it: " + AGAIN


def load_weights(module, path):
    """Loads the state dict at a path into a module, or a DetectionError.

    All of it or not at all. Every exported yaml names this function here.
    """
    try:
        state, own = weights.load_weights(path), module.state_dict()
        bad = [k for k, v in state.items() if not v.isfinite().all()]
        if bad:
            raise ValueError(f"NaN or infinity in {len(bad)} of them: {bad[0]}")
        module.load_state_dict(state, strict=True)
        for name, values in own.items():
            if state[name].dtype != values.dtype:
                raise ValueError(f"{name} holds {state[name].dtype}")
    except FileNotFoundError:
        raise DetectionError(MISSING.format(path)) from None
    except (
        *(weights.WeightsError, RuntimeError, OSError, TypeError),
        *(ValueError, AttributeError, KeyError),
    ) as error:
        reason = " ".join(str(error).split())[:400]
        raise DetectionError(
            f"{path} does not hold the weights of {type(module).__name__} "
            f"as hyperparams.yaml beside it builds it ({reason}); {AGAIN}"
        ) from error


@contextlib.contextmanager
def building(what, otherwise=f"; {AGAIN}"):
    """Turns whatever damaged values raise into a DetectionError of one line."""
    try:
        yield
    except DetectionError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:400]
        raise DetectionError(
            f"{what}: {type(error).__name__}: {reason}{otherwise}"
        ) from error


def read_json(path, kind=dict):
    """The content of a JSON file of the folder, or a DetectionError."""
    try:
        return files.read_json(path, kind)
    except FileNotFoundError:
        raise DetectionError(MISSING.format(path)) from None
    except ValueError as error:
        raise DetectionError(f"{error}; {AGAIN}") from error


def tuned_parameters(kind, tuned, labels):
    """Metric -> Class- or BoxParameters of a postprocessing.json."""
    found = {metric: kind.from_dict(own) for metric, own in tuned.items()}
    for metric, own in found.items():
        if own.labels != labels:
            raise ValueError("its labels are not those of postprocessing.json")
        # What is read must be what was written: no text, no fractions.
        if own.to_dict() != tuned[metric] or not all(
            0 <= threshold <= 1
            for threshold in tuned[metric]["thresholds"] or ()
        ):
            raise ValueError(f"postprocessing.json, {metric}: {own}")
    return found


class StreamEmbedders:
    """Builds the embedders of a detector's streams when first needed.

    The descriptions are those of `streams.json`; the builders, functions
    without arguments by the names of the streams; sound is given to them at
    `sample_rate`.
    """

    def __init__(self, descriptions, builders, device="cpu", sample_rate=16000):
        self.descriptions = {d["name"]: d for d in descriptions}
        self.builders = dict(builders)
        self.device, self.sample_rate = device, sample_rate
        self._built = {}
        self._lock = threading.Lock()

    def kind(self, name):
        """What a stream is made from; see `stream_kind`."""
        return stream_kind(self.descriptions.get(name))

    def get(self, name):
        """(embedding, "") of a stream, or (None, why there is none)."""
        with self._lock:  # recordings are read by several threads
            if name not in self._built:
                self._built[name] = self._build(name)
            return self._built[name]

    def use(self, name, embedder):
        """Takes an embedder that makes a stream's features of training."""
        self._built[name] = (self._checked(name, embedder), "")

    def _build(self, name):
        if name not in self.builders:
            return None, "streams.json does not say what makes it"
        try:
            embedder = self.builders[name]()
        except Exception as error:  # whatever a user's own network raises
            text = f"{name} cannot be made: {' '.join(str(error).split())}"
            if isinstance(error, ImportError):  # is no fault of the folder
                raise DetectionError(
                    f"{text}; or leave out all streams by primary_weight 1"
                ) from error
            return None, text
        return self._checked(name, embedder), ""

    def _checked(self, name, embedder):
        """The embedder on its device, if it is that of training."""
        stored = self.descriptions[name]
        precision = stored.get("precision") or "fp32"
        embedding = placed(
            embedder, self.device, self.sample_rate, precision=precision
        )
        made = {
            **embedding.description(),
            "width": embedder.width,
            "n_frames": stored["n_frames"],
            "clip_seconds": stored["clip_seconds"],
            # Chosen by what computed it, and kept above.
            "precision": stored.get("precision"),
        }
        if fingerprint(made) != fingerprint(stored):
            changed = changed_settings(stored, made)
            differing = "; ".join(
                "{} was {!r} in training and is {!r} now".format(
                    key, *changed[key]
                )
                for key in IDENTITY
                if key in changed
            )
            raise DetectionError(
                f"stream {name}: its features have the fingerprint "
                f"{fingerprint(made)}, but the network was trained on "
                f"{fingerprint(stored)}: {differing}. Use the embedder and "
                f"weights of training, or remove the video"
            )
        return embedding
