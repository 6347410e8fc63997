"""A paired comparison for readers.

Authors
 * The speechbrain_mmsed authors, 2026
"""


def comparison_table(results, labels=()):
    """The comparison as a table in markdown.

    Arguments
    ---------
    results : dict
        As `comparison` returns.
    labels : sequence of str
        Classes to show beside the averages.

    Returns
    -------
    str
        One line for each figure, in percent points; below it one line for
        each definition.
    """
    some = next(iter(results.values()))
    first, second = some["names"]
    lines = [
        f"| figure | {first} | {second} | difference | "
        f"{some['level']:.0%} interval | p |",
        "|---|---|---|---|---|---|",
    ]
    for kind, result in results.items():
        for name, figure in result["figures"].items():
            if name in ("micro", "macro", "value") or name in labels:
                title = kind if name == "value" else f"{kind} {name}"
                lines.append(f"| {title} | {_cells(figure)} |")
    lines.append("")
    for kind, result in results.items():
        lines.append(
            f"- {kind}: {result['definition']}; {result['n_classes']} classes, "
            f"{result['n_clips']} clips, {result['n_resamples']} resamples "
            f"(seed {result['seed']}), computed by {result['computed_by']}"
        )
    return "\n".join(lines)


def _cells(figure):
    """The cells of a figure that may be undefined."""
    if figure["difference"] is None or figure["low"] is None:
        return "- | - | - | - | -"
    percent = {
        name: 100 * figure[name]
        for name in ("first", "second", "difference", "low", "high")
    }
    return (
        f"{percent['first']:.2f} | {percent['second']:.2f} | "
        f"{percent['difference']:+.2f} | "
        f"{percent['low']:+.2f} to {percent['high']:+.2f} | "
        f"{figure['p_value']:.4f}"
    )
