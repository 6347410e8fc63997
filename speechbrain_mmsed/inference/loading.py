"""A detector by what a user calls it: a folder, a network, a repository.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.inference.detector import SoundEventDetector
from speechbrain_mmsed.inference.published import PUBLISHED, PublishedDetector
from speechbrain_mmsed.inference.results import DetectionError

HUB = "hf:"


def load_detector(model, device="cpu", trust=False, weights=None, mapping=None):
    """Loads whatever `mmsed detect --model` takes.

    Arguments
    ---------
    model : str or pathlib.Path
        A detector folder, as `from_hparams` takes it; "yamnet" or "cnn14",
        a published network; or "hf:owner/name", or "hf:owner/name@revision",
        a detector folder on huggingface.co.
    device : str
        Where it runs.
    trust : bool
        As of `from_hparams`.
    weights, mapping : str, pathlib.Path or None
        Of a published network, see `PublishedDetector`.

    Returns
    -------
    SoundEventDetector

    Raises
    ------
    DetectionError
        If the model cannot be had or used.

    Example
    -------
    >>> load_detector("yamnet")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.inference.results.DetectionError: model yamnet needs \
its weights: get https://storage.googleapis.com/audioset/yamnet.h5 and name \
the file by --weights yamnet.h5
    """
    model = os.fspath(model)
    if model in PUBLISHED:
        if weights is None:
            published = PUBLISHED[model][1]
            raise DetectionError(
                f"model {model} needs its weights: get {published} and name "
                f"the file by --weights {os.path.basename(published)}"
            )
        return PublishedDetector(model, weights, mapping, device)
    if weights is not None or mapping is not None:
        raise DetectionError(
            f"model {model} has weights and classes of its own; --weights and "
            f"--map are for {', '.join(PUBLISHED)}"
        )
    if model.startswith(HUB):
        model = _from_hub(model)
    return SoundEventDetector.from_hparams(
        source=model, run_opts={"device": device}, trust=trust
    )


def _from_hub(model):
    """The folder on this machine of hf:owner/name, got if need be."""
    from huggingface_hub import snapshot_download

    name, _, revision = model.removeprefix(HUB).partition("@")
    if name.count("/") != 1:
        raise DetectionError(f"model {model}: expected hf:owner/name")
    try:
        return snapshot_download(name, revision=revision or None)
    except (OSError, ValueError, RuntimeError) as error:
        raise DetectionError(
            f"model {model} cannot be had from huggingface.co: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
