"""Making single pictures smaller, in bounded memory.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


def cropped_bilinear(picture, short_side, size):
    """The middle square of a picture whose shorter side is resized.

    Bilinear without smoothing before, the same as resizing all of it with
    `torch.nn.functional.interpolate(antialias=False)` and then cropping,
    but only the pixels that are needed are looked at.

    Arguments
    ---------
    picture : np.ndarray
        (H, W, 3) uint8.
    short_side : int
        Length that the shorter side gets, in pixels.
    size : int
        Side of the square, at most `short_side`.

    Returns
    -------
    square : np.ndarray
        (size, size, 3) float32, 0 to 255.

    Example
    -------
    >>> cropped_bilinear(np.zeros((480, 640, 3), np.uint8), 256, 224).shape
    (224, 224, 3)
    """
    height, width = picture.shape[:2]
    scale = short_side / min(height, width)
    (top, bottom, down), (left, right, along) = (
        _neighbours(length, round(length * scale), size)
        for length in (height, width)
    )
    down, along = down[:, None, None], along[None, :, None]

    def row(of):
        one, other = picture[of][:, left], picture[of][:, right]
        return one * (1 - along) + other * along

    return row(top) * (1 - down) + row(bottom) * down


def _neighbours(length, resized, size):
    """Where the middle `size` of `resized` pixels lie among `length`.

    Returns the pixels before and after, and the share of the latter.
    """
    first = (resized - size) // 2
    at = (np.arange(first, first + size) + 0.5) * (length / resized) - 0.5
    at = np.clip(at, 0, length - 1)
    before = np.floor(at).astype(int)
    after = np.minimum(before + 1, length - 1)
    return before, after, (at - before).astype(np.float32)
