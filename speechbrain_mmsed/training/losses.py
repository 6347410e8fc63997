"""The four terms of the student's loss (section 3.1.5).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch
import torch.nn.functional as F
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)


def masked_bce(logits, targets, mask):
    """Mean binary cross entropy over the clips that have the label.

    `logits` and `targets` are (B, C) or (B, T, C), targets in [0, 1] (mixup
    makes them soft); `mask` is (B,) bool. If no clip counts, a zero that
    still has a gradient.

    Example
    -------
    >>> keep = torch.tensor([True, False])
    >>> loss = masked_bce(torch.zeros(2, 3), torch.ones(2, 3), keep)
    >>> round(loss.item(), 4)
    0.6931
    """
    losses = F.binary_cross_entropy_with_logits(
        logits.float(), targets.float(), reduction="none"
    ).flatten(1)
    # Multiplied out rather than selected, so that shapes stay as they are.
    kept = torch.where(mask[:, None], losses, losses.new_zeros(()))
    return kept.sum() / (mask.sum().clamp(min=1) * losses.shape[1])


def clip_teacher(chosen, batch_sizes):
    """Whose labels of whole clips teach the clip head: "weak" or "strong".

    `chosen`, or for None weak clips, and strong ones, whose events say what a
    clip holds, where none of the `batch_sizes` (strong, weak, ...) is weak.
    Warns where a head has no teacher.

    Example
    -------
    >>> clip_teacher(None, [8, 8, 16]), clip_teacher(None, [8, 0, 16])
    ('weak', 'strong')
    """
    sizes = dict(zip(("strong", "weak"), batch_sizes, strict=False))
    name = chosen or ("weak" if sizes["weak"] else "strong")
    if name not in sizes:
        raise ValueError(
            f"clip_labels_of is {chosen!r}, expected weak, strong or null"
        )
    if not sizes["weak"]:
        logger.warning(f"No batch has weak clips: {name} ones teach tags.")
    for head, teacher in {"tags": name, "events": "strong"}.items():
        if not sizes[teacher]:
            logger.warning(f"No batch has {teacher} clips: {head} mean nothing")
    return name


def classification_losses(
    student, weak, strong, subset, subsets, clip_subset="weak"
):
    """Clip-level cross entropy on weak, frame-level on strong clips.

    Arguments
    ---------
    student : tuple of torch.Tensor
        Clip logits (B, C) and frame logits (B, T, C).
    weak, strong : torch.Tensor
        Labels of the same shapes.
    subset : torch.Tensor
        (B,) place of each clip's subset in the names `subsets`.
    clip_subset : str
        The one for the clip level; see `clip_teacher`.

    Returns
    -------
    dict of torch.Tensor
        Scalars "clip_bce" and "frame_bce".

    Example
    -------
    >>> out = torch.zeros(2, 3), torch.zeros(2, 4, 3)
    >>> losses = classification_losses(
    ...     out, torch.ones(2, 3), torch.ones(2, 4, 3),
    ...     torch.tensor([0, 1]), ["strong", "weak"])
    >>> sorted(losses)
    ['clip_bce', 'frame_bce']
    """
    clip_logits, frame_logits = student
    return {
        "clip_bce": masked_bce(
            clip_logits, weak, subset == subsets.index(clip_subset)
        ),
        "frame_bce": masked_bce(
            frame_logits, strong, subset == subsets.index("strong")
        ),
    }


def consistency_losses(student, teacher):
    """Mean squared differences of the probabilities, over all clips.

    Arguments
    ---------
    student, teacher : tuple of torch.Tensor
        Clip logits (B, C) and frame logits (B, T, C); no gradient flows
        into the teacher's.

    Returns
    -------
    dict of torch.Tensor
        Scalars "clip_consistency" and "frame_consistency".

    Example
    -------
    >>> out = torch.zeros(2, 3), torch.zeros(2, 4, 3)
    >>> consistency_losses(out, out)["clip_consistency"].item()
    0.0
    """
    clip, frame = (
        F.mse_loss(ours.float().sigmoid(), theirs.detach().float().sigmoid())
        for ours, theirs in zip(student, teacher, strict=True)
    )
    return {"clip_consistency": clip, "frame_consistency": frame}
