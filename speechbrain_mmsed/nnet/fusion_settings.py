"""Where fusion weights come from, as a yaml says it (section 2.2).

Authors
 * The speechbrain_mmsed authors, 2026
"""

from collections.abc import Mapping

from speechbrain_mmsed.nnet.fusion import (
    FixedFusion,
    RandomFusion,
    checked_weight,
    short_form,
)

# How a yaml calls the stream that every clip has.
PRIMARY = "sound"


class GatedFusion:
    """Leaves the weights to the gate of the network (`nnet.gate`)."""

    def draw(self, n_streams, generator=None):
        """None: the network weighs each clip itself."""


def fusion_from_setting(setting, streams=()):
    """Build the source of fusion weights that a yaml value names.

    Arguments
    ---------
    setting : float, str or dict
        "random" (primary weight drawn, the rest shared equally),
        "random_split" (the division of the rest drawn too), "gated", or what
        `named_weights` takes.
    streams : list of str
        Names of the streams besides the sound.

    Returns
    -------
    FixedFusion, RandomFusion or GatedFusion
        The object whose `draw` gives a batch's weights.

    Example
    -------
    >>> fusion_from_setting("0.5").draw(2)
    tensor([0.5000, 0.5000])
    """
    if PRIMARY in streams:
        raise ValueError(
            f"a stream is called {PRIMARY!r}, which is the primary stream's "
            "name; give it another"
        )
    if setting in ("random", "random_split"):
        return RandomFusion(equal=setting == "random")
    if setting == "gated":
        return GatedFusion()
    try:
        return FixedFusion(named_weights(setting, streams))
    except ValueError as error:
        raise ValueError(
            f"fusion is {setting!r}, expected 'random', 'random_split', "
            "'gated', the weight of the primary stream, a number above 0 and "
            f"at most 1, or a weight for each stream by name ({error})"
        ) from None


def inference_fusion(training, setting, streams=()):
    """Where weights come from once a network is trained.

    From `setting`, as `fusion_from_setting` takes it, unless the network was
    `training` with a gate of its own.

    Example
    -------
    >>> inference_fusion(RandomFusion(), 0.75).draw(2)
    tensor([0.7500, 0.2500])
    """
    if isinstance(training, GatedFusion):
        return training
    return FixedFusion(named_weights(setting, streams))


def named_weights(setting, streams):
    """Weights as a yaml has them, as `fusion_weights` takes them.

    Arguments
    ---------
    setting : float, str or dict
        Weight of the primary stream (0.5 and "0.5" alike), or name -> weight
        of the sound (`PRIMARY`) and of every other stream.
    streams : list of str
        Names of the other streams.

    Returns
    -------
    float or tuple of float

    Example
    -------
    >>> named_weights({"film": 0.25, "sound": 0.75}, ["film"])
    0.75
    """
    if isinstance(setting, Mapping):
        names = [PRIMARY, *streams]
        if set(setting) != set(names):
            raise ValueError(
                f"fusion weights are given for {sorted(setting)}, expected "
                f"one for each of {names}"
            )
        return short_form(checked_weight([setting[name] for name in names]))
    try:
        return checked_weight(float(setting))
    except TypeError:
        raise ValueError(f"fusion weight {setting!r}: no number") from None
