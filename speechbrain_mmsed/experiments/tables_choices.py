"""Table of the weights that were chosen, in markdown.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.report_tables import number, table


def choices_table(choices):
    """Which weights were chosen, and from what.

    Arguments
    ---------
    choices : dict
        System -> Choice.

    Returns
    -------
    str
        Empty if there was nothing to choose.
    """
    rows = []
    for system, choice in choices.items():
        if len(choice.tried) < 2:
            continue
        for (training, weight), (f1, n_runs) in choice.tried.items():
            chosen = (
                training == choice.configuration.training
                and weight == choice.weight
            )
            text = number("ebf1", None if f1 < 0 else f1)
            mark = "chosen" if chosen else ""
            rows.append([system.name, training, weight, n_runs, text, mark])
    if not rows:
        return ""
    header = ["system", "training", "inference", "seeds", "EBF1 %", ""]
    return (
        "## Chosen weights of the sound\n\nBy mean validation event-based "
        "F1 over the seeds that all training weights of a system have."
        f"\n\n{table(header, rows)}"
    )
