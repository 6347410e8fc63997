#!/usr/bin/env python3
"""How fast post-processing is tuned, against the same grid through sed_eval.

The paper's grid (section 3.1.3): 9 thresholds and 16 median windows for each
of ten classes, for clip-, segment- and event-based F1, and windows for both
PSDS. Scores are made up from a seed, as many clips and events as DESED's
validation set. On the other side, sed_eval gets event lists that are grouped
by clip beforehand, class lists of three classes, every point of the grid and
only clips that have an event; its time for ten classes is extrapolated by
their number of reference and predicted events, and the ratio for the three
classes alone is printed as well. That is in sed_eval's favour: with a longer
list of classes it takes more than in proportion. Both sides run in turns, in
one process; medians are printed. Seconds are the processor's, as other
programs on the machine would lengthen both sides unequally; neither side
uses more than one core. Counts are compared at every point that sed_eval was
asked for.

> python recipes/DESED/benchmarks/tuning_speed.py
> python recipes/DESED/benchmarks/tuning_speed.py --quick

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import json
import os
import resource
import statistics
import time

import numpy as np
from synthetic_scores import make_corpus, some_classes

from speechbrain_mmsed.evaluation.counts.counts import count_grid
from speechbrain_mmsed.evaluation.metrics.f1 import (
    event_metrics,
    group_events,
    segment_metrics,
)
from speechbrain_mmsed.evaluation.metrics.scored import THRESHOLDS, WINDOWS
from speechbrain_mmsed.evaluation.tuning import tune_all, tune_scenarios
from speechbrain_mmsed.postprocessing.decode import decode

COUNTS = ("Ntp", "Nfp", "Nfn", "Nsys", "Nref")


def timed(function, *arguments):
    """Result and processor seconds."""
    begin = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - begin


def tune_psds(scores, truth):
    """Windows of both scenarios."""
    return tune_scenarios(scores, truth, ["psds1", "psds2"], WINDOWS)


def by_sed_eval(scores, truth, grid):
    """Counts at every point, seconds of sed_eval and seconds of decoding."""
    metrics = {"segment": segment_metrics, "event": event_metrics}
    reference = group_events(truth.events, truth)
    counts, matching, decoding = {}, 0.0, 0.0
    for threshold, window in grid:
        ones = np.ones(len(scores.labels))
        events, seconds = timed(
            decode, scores, ones * threshold, (ones * window).astype(int)
        )
        estimated, more = timed(group_events, events, truth)
        decoding += seconds + more
        begin = time.process_time()
        for name, make in metrics.items():
            metric = make(scores.labels)
            for clip in scores.filenames:
                # A clip with nothing on either side adds to no count.
                if reference[clip] or estimated[clip]:
                    metric.evaluate(reference[clip], estimated[clip])
            counts[name, threshold, window] = [
                [int(metric.class_wise[label][key]) for key in COUNTS]
                for label in scores.labels
            ]
        matching += time.process_time() - begin
    return counts, matching, decoding


def differing_points(official, scores, truth):
    """Number of points and classes at which any of five counts differs."""
    fast = count_grid(scores, truth, THRESHOLDS, WINDOWS)
    differing = 0
    for (metric, threshold, window), classes in official.items():
        grid = fast[metric]
        i = THRESHOLDS.index(threshold)
        j = WINDOWS.index(window)
        for c, expected in enumerate(classes):
            ours = [
                grid.tp[c, i, j],
                grid.fp[c, i, j],
                grid.fn[c, i, j],
                grid.nsys[c, i, j],
                grid.nref[c],
            ]
            differing += [int(count) for count in ours] != expected
    return differing, sum(len(classes) for classes in official.values())


def items(counts):
    """Reference and predicted segments and events over a grid."""
    return sum(
        (grid.nsys + grid.nref[:, None, None]).sum() for grid in counts.values()
    )


def peak():
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Times both sides in turns and prints a table and one line of json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=1168)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--timed_classes", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="sed_eval gets one repeat of 2 thresholds and 3 windows",
    )
    settings = parser.parse_args()
    scores, truth = make_corpus(settings.clips, settings.classes, settings.seed)
    few = scores.labels[: settings.timed_classes]
    part, part_truth = some_classes(scores, truth, few)
    grid = [(t, w) for t in THRESHOLDS for w in WINDOWS]
    repeats = settings.repeats
    if settings.quick:
        grid = [(t, w) for t in (0.3, 0.6) for w in (1, 7, 21)]
        repeats = 1
    share = len(grid) / (len(THRESHOLDS) * len(WINDOWS))
    before = peak()
    seconds = {
        name: [] for name in ("f1", "psds", "f1_part", "sed_eval", "decoding")
    }
    memory, wall = None, []
    for _ in range(repeats):
        start = time.perf_counter()
        seconds["f1"].append(timed(tune_all, scores, truth)[1])
        seconds["psds"].append(timed(tune_psds, scores, truth)[1])
        wall.append(time.perf_counter() - start)
        memory = memory or peak()
        seconds["f1_part"].append(timed(tune_all, part, part_truth)[1])
        official, matching, decoding = by_sed_eval(part, part_truth, grid)
        seconds["sed_eval"].append(matching / share)
        seconds["decoding"].append(decoding / share)
    middle = {name: statistics.median(s) for name, s in seconds.items()}
    differing, compared = differing_points(official, part, part_truth)
    factor = items(count_grid(scores, truth, THRESHOLDS, WINDOWS)) / items(
        count_grid(part, part_truth, THRESHOLDS, WINDOWS)
    )
    ours = middle["f1"] + middle["psds"]
    figures = {
        "clips": settings.clips,
        "events": len(truth.events),
        "classes": settings.classes,
        "grid_points": len(THRESHOLDS) * len(WINDOWS),
        "repeats": repeats,
        "cores": os.cpu_count(),
        "ours_f1_seconds": middle["f1"],
        "ours_psds_windows_seconds": middle["psds"],
        "ours_seconds": ours,
        "ours_wall_seconds": min(wall),
        "sed_eval_classes": len(few),
        "sed_eval_points": len(grid),
        "sed_eval_seconds": middle["sed_eval"],
        "sed_eval_decoding_seconds": middle["decoding"],
        "all_classes_factor": factor,
        "sed_eval_all_classes_seconds": middle["sed_eval"] * factor,
        "ratio_same_classes": middle["sed_eval"] / middle["f1_part"],
        "ratio_f1": middle["sed_eval"] * factor / middle["f1"],
        "ratio_with_psds": middle["sed_eval"] * factor / ours,
        "memory_before_mb": before,
        "memory_peak_mb": memory,
        "counts_compared": compared,
        "counts_differing": differing,
    }
    print_table(figures)
    print(json.dumps({k: round(float(v), 3) for k, v in figures.items()}))
    if differing:
        raise SystemExit(f"{differing} of {compared} counts differ")


def print_table(figures):
    """The figures for readers."""
    print(
        f"{figures['clips']} clips, {figures['events']} events, "
        f"{figures['classes']} classes, {figures['grid_points']} points; "
        f"medians of {figures['repeats']} alternating repeats; "
        f"{figures['cores']} cores, each side uses one; processor seconds"
    )
    few = figures["sed_eval_classes"]
    basis = (
        f"{few} classes over {figures['sed_eval_points']} of "
        f"{figures['grid_points']} points"
    )
    rows = [
        ("ours: clip, segment and event F1", figures["ours_f1_seconds"]),
        ("ours: windows of both PSDS", figures["ours_psds_windows_seconds"]),
        ("ours: everything", figures["ours_seconds"]),
        (f"sed_eval: {few} classes, whole grid", figures["sed_eval_seconds"]),
        (
            f"sed_eval: all classes (x {figures['all_classes_factor']:.2f})",
            figures["sed_eval_all_classes_seconds"],
        ),
    ]
    for title, seconds in rows:
        print(f"{title:45s} {seconds:9.2f} s")
    print(f"(ours by the clock: {figures['ours_wall_seconds']:.2f} s at best)")
    print(f"basis of sed_eval: {basis}, decoding and grouping not counted")
    print(f"(those take {figures['sed_eval_decoding_seconds']:.1f} s more)")
    for title, key in (
        ("ratio, F1, the same classes", "ratio_same_classes"),
        ("ratio, F1, all classes", "ratio_f1"),
        ("ratio, ours with PSDS windows as well", "ratio_with_psds"),
    ):
        print(f"{title:45s} {figures[key]:9.0f} x")
    print(
        f"peak memory {figures['memory_peak_mb']:.0f} MB, of which "
        f"{figures['memory_before_mb']:.0f} MB before tuning"
    )
    print(
        f"counts: {figures['counts_differing']} of "
        f"{figures['counts_compared']} points, metrics and classes differ"
    )


if __name__ == "__main__":
    main()
