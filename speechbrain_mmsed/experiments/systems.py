"""Systems, and the ways to train them.

A system is what has a row in a table. It is trained in one configuration or,
where the plan lists several training weights, in each of them; the (training,
inference) pair is then chosen by `selection.py`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Configuration:
    """One way to train: a command of the recipe but for the seed.

    Arguments
    ---------
    name : str
        Folder of its runs.
    base : str
        Name of the base model.
    streams : tuple of str
        Streams beside the sound.
    training : float or str or None
        Weight of the sound in training, or "random"; None without streams.
    inference : tuple of float
        Weights of the sound to score with; empty without streams.

    Example
    -------
    >>> Configuration("b", "transformer", ("openl3",), 0.5, (0.75,)).overrides()
    {'streams': ['openl3'], 'fusion': 0.5, 'inference_weights': [0.75]}
    """

    name: str
    base: str
    streams: tuple
    training: object
    inference: tuple

    def overrides(self):
        """What differs from the base yaml.

        Returns
        -------
        dict
            Key of the yaml -> value.
        """
        if not self.streams:
            return {"streams": []}
        return {
            "streams": list(self.streams),
            "fusion": self.training,
            "inference_weights": list(self.inference),
        }


@dataclass(frozen=True)
class System:
    """A row of a table.

    Arguments
    ---------
    name : str
        Its name in the plan.
    base : str
        Name of the base model.
    streams : tuple of str
        Streams beside the sound.
    training : tuple
        Weights of the sound to train with; () without streams.
    inference : tuple of float
        Weights of the sound to choose from; () without streams.
    """

    name: str
    base: str
    streams: tuple = ()
    training: tuple = ()
    inference: tuple = ()

    @property
    def kind(self):
        """How its weights are set in training: audio, fixed or random."""
        if not self.streams:
            return "audio"
        return "random" if self.training == ("random",) else "fixed"

    def configurations(self):
        """The ways to train it.

        Returns
        -------
        list of Configuration
        """
        several = len(self.training) > 1
        return [
            Configuration(
                f"{self.name}_{weight}" if several else self.name,
                self.base,
                self.streams,
                weight,
                self.inference,
            )
            for weight in self.training or (None,)
        ]
