"""From a decoded frame to a picture: size, shape of pixels, rotation.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

# Beyond this ratio of the sides a picture is squeezed, because a film of a
# few pixels' height would otherwise be enlarged to gigabytes.
MAX_ASPECT = 4.0


def to_rgb(frame, size, pixel_width=1.0):
    """Converts a decoded frame to an upright picture.

    Arguments
    ---------
    frame : av.VideoFrame
        As decoded.
    size : tuple or int or None
        As `media.read_frames` takes it.
    pixel_width : float
        Width of a pixel whose height is 1.

    Returns
    -------
    picture : np.ndarray
        (H, W, 3) uint8, RGB.

    Example
    -------
    >>> import av
    >>> to_rgb(av.VideoFrame(64, 48, "yuv420p"), 24).shape
    (24, 32, 3)
    >>> to_rgb(av.VideoFrame(64, 48, "yuv420p"), 24, pixel_width=1.5).shape
    (24, 48, 3)
    """
    turns = int(round(frame.rotation / 90.0)) % 4
    turned = turns % 2 == 1
    if isinstance(size, int):
        shown = frame.width * pixel_width
        short, long = sorted((shown, frame.height))
        long = round(size * min(long / short, MAX_ASPECT))
        wide = shown >= frame.height
        width, height = (long, size) if wide else (size, long)
    elif size is None:
        width, height = frame.width, frame.height
    else:
        height, width = size[::-1] if turned else size
    picture = frame.reformat(
        width=width, height=height, format="rgb24", interpolation="BICUBIC"
    ).to_ndarray()
    return np.rot90(picture, turns)


def resized(picture, size):
    """A picture in memory, resized as a decoded frame is.

    Arguments
    ---------
    picture : np.ndarray
        (H, W, 3) uint8, RGB.
    size : tuple or int or None
        As `media.read_frames` takes it.

    Returns
    -------
    picture : np.ndarray
        (h, w, 3) uint8.

    Example
    -------
    >>> resized(np.zeros((48, 64, 3), np.uint8), 24).shape
    (24, 32, 3)
    """
    import av

    return to_rgb(av.VideoFrame.from_ndarray(picture, format="rgb24"), size)
