"""psds_eval on many operating points at once.

psds_eval spends about 0.1 s of pandas overhead on each operating point,
however few clips there are: 5 s for a score of 60 clips. Clips do not
influence each other, so clip "a.wav" at points 0 and 1 can be two clips
"0|a.wav" and "1|a.wav" of one table. Tolerances, intersections and
cross-triggers are then worked out by psds_eval's own steps in one go; only
counting by operating point happens here. Tests hold it to psds_eval's own
`add_operating_point`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import pandas as pd


def add_operating_points(evaluation, make, events, metadata, tables):
    """Give a PSDSEval object the rates of a list of operating points.

    Arguments
    ---------
    evaluation : psds_eval.PSDSEval
        With ground truth, without operating points.
    make : callable
        From (events, metadata) to a PSDSEval with the same parameters.
    events : pandas.DataFrame
        Reference events, columns filename, onset, offset, event_label.
    metadata : pandas.DataFrame
        Columns filename, duration.
    tables : list of pandas.DataFrame
        Detections of each operating point, of classes with reference.
    """
    n_points = len(tables)
    virtual = make(
        _virtual([events] * n_points), _virtual([metadata] * n_points)
    )
    order = _order(evaluation.class_names)
    found, failed = _count(virtual, tables, order)
    seconds, total = evaluation._get_dataset_duration()
    seconds = seconds.reindex(order[:-1]).to_numpy()
    n_events = evaluation._get_dataset_counts()
    n_events = n_events.reindex(order[:-1]).to_numpy()
    crossed = failed[:, :, :-1] * evaluation.nseconds / seconds
    # psds_eval marks a class's cross-triggers with itself so.
    crossed[:, range(len(seconds)), range(len(seconds))] = np.nan
    evaluation.operating_points = pd.DataFrame(
        {
            "id": [str(number) for number in range(n_points)],
            "counts": list(failed),
            "tpr": list(found / n_events),
            "fpr": list(failed[:, :, -1] * evaluation.nseconds / total),
            "ctr": list(crossed),
        }
    )


def _virtual(tables):
    """Tables one after the other, each with clips of its own."""
    parts = [
        table.assign(filename=f"{number}|" + table["filename"].astype(str))
        for number, table in enumerate(tables)
    ]
    return pd.concat(parts, ignore_index=True)


def _count(virtual, tables, order):
    """Events found (P, C), failed detections (P, C, C + 1) of P tables.

    The steps are those of PSDSEval._evaluate_detections, in its order. The
    last column of failed detections holds the false positives.
    """
    detections = virtual._init_det_table(_virtual(tables))
    crossing = virtual._ground_truth_intersections(
        detections, virtual.ground_truth
    )
    found, within = virtual._detection_and_ground_truth_criteria(crossing)
    failed = virtual._cross_trigger_criterion(crossing, found, within)
    failed = failed.drop_duplicates(["id_det", "event_label_gt"])
    found = found.drop_duplicates("id_gt")
    order = {name: index for index, name in enumerate(order)}
    n_classes = len(order) - 1
    tp = np.zeros((len(tables), n_classes), dtype=np.int64)
    ct = np.zeros((len(tables), n_classes, n_classes + 1), dtype=np.int64)
    for rows, target, columns in (
        (found, tp, ["event_label_gt"]),
        (failed, ct, ["event_label_det", "event_label_gt"]),
    ):
        point = [int(name.partition("|")[0]) for name in rows["filename"]]
        index = [rows[name].map(order).to_numpy(np.int64) for name in columns]
        np.add.at(target, (np.array(point, dtype=np.int64), *index), 1)
    return tp, ct


def _order(class_names):
    """psds_eval's order: sorted names, then the class of whole clips."""
    from psds_eval.psds import WORLD

    return [*sorted(set(class_names) - {WORLD}), WORLD]
