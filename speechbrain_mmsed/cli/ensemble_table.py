"""What `mmsed ensemble` says of an ensemble and of its members.

Authors
 * The speechbrain_mmsed authors, 2026
"""

TEXT = """\
# Ensemble: mean {average} of {n} members ({model})

{members}

{table}

Better than the mean member: {better}.
PSDS of boxes is over all confidences, that of the median over 50 thresholds.
"""


def ensemble_table(arguments, runs, weights, reports):
    """What ensemble.json holds, and ensemble.md.

    Arguments
    ---------
    arguments : argparse.Namespace
        Whose scores (`model`) were averaged, and how (`average`).
    runs, weights : dict
        Name of each member -> its folder, and its fusion weight or None.
    reports : dict
        Name of each member, and of the ensemble at last -> report.json of
        `mmsed evaluate`, with both post-processings.

    Returns
    -------
    dict, str
    """
    from speechbrain_mmsed.evaluation.metrics.run import METRICS
    from speechbrain_mmsed.evaluation.reports import report_tables
    from speechbrain_mmsed.pages import markdown_text
    from speechbrain_mmsed.postprocessing.box_parameters import boxes_of

    figures, rows, better = {}, [], []
    for how, title in {"median": str, "boxes": boxes_of}.items():
        figures[how] = found = {
            name: report["metrics"][title(name)]["all"]
            for name, report in reports.items()
        }
        (*members, ensemble) = found.values()
        mean = {m: _mean([figure[m] for figure in members]) for m in METRICS}
        name, _ = found.popitem()
        found |= {"mean member": mean, name: ensemble}
        rows += [
            [how, name, *(report_tables.number(m, of[m]) for m in METRICS)]
            for name, of in found.items()
        ]
        known = [m for m in METRICS if None not in (mean[m], ensemble[m])]
        n_better = sum(ensemble[m] > mean[m] for m in known)
        better.append(f"{n_better} of {len(known)} figures ({how})")
    header = ["events", "system", *report_tables.TITLES.values()]
    members = {
        name: {"run": str(run), "weight": weights[name]}
        for name, run in runs.items()
    }
    text = TEXT.format(
        n=len(runs),
        model=arguments.model,
        average=arguments.average,
        members="\n".join(
            f"- {markdown_text(name)}: {markdown_text(run)}, weight "
            f"{_title(weights[name])}"
            for name, run in runs.items()
        ),
        table=report_tables.Table(header, rows, 2),
        better=", ".join(better),
    )
    asked = {"model": arguments.model, "average": arguments.average}
    return {**asked, "members": members, "figures": figures}, text


def _title(weight):
    """Fusion weights as reports have them."""
    from speechbrain_mmsed.evaluation.reports.report_tables import fusion_title

    return "not known" if weight is None else fusion_title(weight)


def _mean(values):
    """The mean of fractions, None where one of them is."""
    return None if None in values else sum(values) / len(values)
