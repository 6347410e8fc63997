"""How long boxes are tuned for, on one core, with made-up scores.

    OMP_NUM_THREADS=1 python tune_boxes.py

Authors
 * The speechbrain_mmsed authors, 2026
"""

import time

from synthetic_scores import make_corpus

from speechbrain_mmsed.evaluation.metrics.run import METRICS
from speechbrain_mmsed.evaluation.tuning import tune, tune_all_boxes

if __name__ == "__main__":
    scores, truth = make_corpus(1168, 10, 0)
    ways = {
        "median, five metrics": lambda: tune(scores, truth),
        "boxes, five metrics": lambda: tune(scores, truth, boxes=True),
        **{
            f"boxes, {metric}": lambda m=metric: tune_all_boxes(
                scores, truth, [m]
            )
            for metric in METRICS[1:]
        },
        "boxes, five metrics, from coarse to fine": lambda: tune_all_boxes(
            scores, truth, METRICS[1:], rounds=2
        ),
    }
    for name, way in ways.items():
        start = time.process_time()
        way()
        print(f"{name}: {time.process_time() - start:.1f} s")
