"""Weights of an exported folder: read without running anything.

SpeechBrain's own hooks load what fits and warn of the rest; a detector with
half of its weights is no detector.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pickle

import torch

from speechbrain_mmsed.inference.errors import DetectionError


def load_weights(module, path):
    """Loads a state dict, all of it or not at all.

    Named as a hook in the `pretrainer` of an exported yaml.

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
        raise DetectionError(
            f"{path} does not exist; a detector folder has it: export the "
            f"run again by repeating its training command"
        ) from None
    except (
        *(pickle.UnpicklingError, RuntimeError, EOFError, OSError),
        *(TypeError, ValueError, AttributeError, KeyError),
    ) as error:
        reason = " ".join(str(error).split())[:400]
        raise DetectionError(
            f"{path} does not hold the weights of {type(module).__name__} "
            f"as hyperparams.yaml beside it builds it ({reason}); export the "
            f"run again by repeating its training command"
        ) from error
