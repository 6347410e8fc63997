"""A paired comparison for readers.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.report_tables import table

NAMES = {
    "cbf1": "CBF1",
    "sbf1": "SBF1",
    "ebf1": "EBF1",
    "ibf1": "intersection-based F1",
    "psds1": "PSDS1",
    "psds2": "PSDS2",
    "threshold_free_psds1": "PSDS1 over all thresholds",
    "threshold_free_psds2": "PSDS2 over all thresholds",
}
AVERAGES = ("micro", "macro", "value")


def comparison_table(results, labels=(), averages=True):
    """The comparison as a table in markdown.

    Arguments
    ---------
    results : dict
        As `comparison` returns.
    labels : sequence of str
        Classes to show beside the averages.
    averages : bool
        Whether the averages are shown, and below them what each figure is.

    Returns
    -------
    str
        One line for each figure, F1 in per cent.
    """
    some = next(iter(results.values()))
    shown = (*(AVERAGES if averages else ()), *labels)
    rows = [
        [f"{NAMES[kind]}{'' if name == 'value' else f' {name}'}"]
        + _cells(kind, figure)
        for kind, result in results.items()
        for name in shown
        for figure in [result["figures"].get(name)]
        if figure is not None
    ]
    header = ["figure", *some["names"], "difference"]
    header += [f"{some['level']:.0%} interval", "p"]
    text = table(header, rows)
    if not averages:
        return text
    lines = [
        f"- {NAMES[kind]}: {result['definition']}; {result['n_classes']} "
        f"classes, {result['n_clips']} clips, {result['method']}, "
        f"{result['n_resamples']} resamples (seed {result['seed']}), "
        f"computed by {result['computed_by']}."
        for kind, result in results.items()
    ]
    return text + "\n\n" + "\n".join(lines)


def _cells(kind, figure):
    """The cells of a figure that may be undefined."""
    if figure["difference"] is None or figure["low"] is None:
        return ["-"] * 5
    scale, digits = (1, 4) if "psds" in kind else (100, 2)
    first, second, difference, low, high = (
        scale * figure[name]
        for name in ("first", "second", "difference", "low", "high")
    )
    return [
        f"{first:.{digits}f}",
        f"{second:.{digits}f}",
        f"{difference:+.{digits}f}",
        f"{low:+.{digits}f} to {high:+.{digits}f}",
        f"{figure['p_value']:.4f}",
    ]
