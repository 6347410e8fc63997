"""Curves of training for TensorBoard.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain.utils.distributed import main_process_only
from speechbrain.utils.train_logger import TensorboardLogger

from speechbrain_mmsed.files import disk_full_explained
from speechbrain_mmsed.problems import need_packages


class EpochTensorboard(TensorboardLogger):
    """Draws figures at their epoch.

    SpeechBrain's own counts its calls from 0 in every process, so that the
    curves of a resumed run fold back.

    Arguments
    ---------
    save_dir : str
        Folder of the event files.

    Example
    -------
    >>> logger = EpochTensorboard(getfixture("tmp_path"))
    >>> logger.log_stats({"epoch": 3, "lr": 0.1}, valid_stats={"loss": 1.0})
    """

    def __init__(self, save_dir):
        need_packages("train", "tensorboard")
        super().__init__(save_dir)

    @main_process_only
    def log_stats(self, stats_meta, train_stats=None, valid_stats=None):
        """Writes the figures of an epoch, `stats_meta["epoch"]`.

        The others of `stats_meta` are drawn under their names, the rest as
        `<name>/train` and `<name>/valid`.
        """
        scalars = dict(stats_meta)
        for part, stats in (("train", train_stats), ("valid", valid_stats)):
            for name, value in (stats or {}).items():
                scalars[f"{name}/{part}"] = value
        with disk_full_explained(self.writer.log_dir):
            for name, value in scalars.items():
                self.writer.add_scalar(name, value, stats_meta["epoch"])
            self.writer.flush()
