"""What is known of an evaluated model, before it is written down.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass


@dataclass
class ModelResult:
    """What was chosen for a model, and its figures.

    Arguments
    ---------
    weight : float
        Weight of the primary stream at inference.
    validation_ebf1 : dict
        Tuned macro event-based F1 of each candidate weight.
    parameters : dict
        For each metric a ClassParameters.
    parameters_from : str
        The model whose validation scores weight and parameters come from.
    splits : dict
        For each split a SplitResult.
    pictures : PictureData or None
        What its pictures are drawn from.
    ignored : ClipScores or None
        Evaluation scores with the video ignored.
    """

    weight: float
    validation_ebf1: dict
    parameters: dict
    parameters_from: str
    splits: dict
    pictures: object = None
    ignored: object = None
