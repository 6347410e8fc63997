"""Pictures of one system's figures: curves, grids, clips.

Everything is drawn from scores and counts on disk; matplotlib is optional.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.pictures.details import (
    PictureData,
    plot_details,
)

__all__ = ["PictureData", "plot_details"]
