"""The files of an exported folder: read without running anything.

SpeechBrain's own hooks load what fits and warn of the rest; a detector with
half of its weights is no detector.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import pathlib
import pickle

import torch

from speechbrain_mmsed.inference.results import DetectionError

AGAIN = "export the run again by repeating its training command"


def load_weights(module, path):
    """Loads a state dict, all of it or not at all.

    Exported folders name it as a hook of their `pretrainer`.

    Arguments
    ---------
    module : torch.nn.Module
        Gets the weights.
    path : str or pathlib.Path
        File of a state dict.

    Raises
    ------
    DetectionError
        If the file is missing, is more than tensors, or does not fit.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(state, strict=True)
    except FileNotFoundError:
        raise _missing(path) from None
    except (
        *(pickle.UnpicklingError, RuntimeError, EOFError, OSError),
        *(TypeError, ValueError, AttributeError, KeyError),
    ) as error:
        reason = " ".join(str(error).split())[:400]
        raise DetectionError(
            f"{path} does not hold the weights of {type(module).__name__} "
            f"as hyperparams.yaml beside it builds it ({reason}); {AGAIN}"
        ) from error


def read_json(path):
    """The content of a JSON file of the folder, or a DetectionError."""
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _missing(path) from None
    except ValueError as error:
        raise DetectionError(f"{path} is no JSON: {error}") from error


def _missing(path):
    """The error of a file that is not there."""
    return DetectionError(
        f"{path} does not exist; a detector folder has it: {AGAIN}"
    )
