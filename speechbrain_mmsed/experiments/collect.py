"""From finished runs to tables.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from tqdm import tqdm

from speechbrain_mmsed.experiments.jobs import sorted_out
from speechbrain_mmsed.experiments.notes import is_papers_corpus, notes
from speechbrain_mmsed.experiments.paper import read_paper
from speechbrain_mmsed.experiments.plot import plot_rows
from speechbrain_mmsed.experiments.results import read_runs
from speechbrain_mmsed.experiments.rows import table_rows
from speechbrain_mmsed.experiments.selection import choose
from speechbrain_mmsed.experiments.tables import markdown_table
from speechbrain_mmsed.experiments.tables_choices import choices_table
from speechbrain_mmsed.experiments.tables_files import csv_table, latex
from speechbrain_mmsed.files import write_text


def collect(plan, jobs, folder, model="student", clips=True):
    """Writes tables of the runs that are done.

    Arguments
    ---------
    plan : Plan
        The experiment.
    jobs : list of Job
        All its runs, done or not.
    folder : str
        Folder of the experiment; `tables` in it gets the files.
    model : str
        "student" or "teacher".
    clips : bool
        Whether differences get intervals over clips.

    Returns
    -------
    str or None
        Path of tables.md; None if no run is done.
    """
    runs = read_runs(jobs, model)
    choices, without = {}, []
    for system in plan.systems:
        choice = choose(system, runs, jobs)
        if choice is None:
            without.append(system.name)
        else:
            choices[system] = choice
    if not choices:
        return None

    def progress(rows):
        return tqdm(rows, desc="tables", disable=None)

    paper = read_paper(plan.paper_figures) if plan.paper_figures else {}
    rows = table_rows(choices, paper, plan.stands_for, clips, progress)
    parts = [f"# {plan.title}", _state(jobs, runs, without)]
    table_notes = {}
    for number in sorted({row.table for row in rows}):
        own = [row for row in rows if row.table == number]
        shown = {row.system: choices[row.system] for row in own}
        table_notes[number] = notes(shown, plan.stands_for)
        parts.append(markdown_table(number, own, table_notes[number]))
    parts.append(choices_table(choices))
    folder = os.path.join(folder, "tables" if model == "student" else model)
    with_paper = is_papers_corpus(choices)
    all_notes = notes(choices, plan.stands_for)
    pictures = plot_rows(rows, folder, all_notes, with_paper)
    names = [os.path.basename(path) for path in pictures]
    parts.append("\n\n".join(f"![{name}]({name})" for name in names))
    text = "\n\n".join(part for part in parts if part) + "\n"
    write_text(os.path.join(folder, "tables.csv"), csv_table(rows))
    write_text(os.path.join(folder, "tables.tex"), latex(rows, table_notes))
    path = os.path.join(folder, "tables.md")
    write_text(path, text)
    return path


def _state(jobs, runs, without):
    """How much of the experiment the tables hold."""
    lines = [f"{len(runs)} of {len(jobs)} runs are done."]
    if without:
        lines.append(f"Without any run: {', '.join(without)}.")
    lines += [f"{job.name} is {why}." for job, why in sorted_out(jobs)[2]]
    revisions = sorted(
        {str(run.report["metadata"]["git_revision"]) for run in runs}
    )
    lines.append(f"Revision of the code: {', '.join(revisions)}.")
    return " ".join(lines)
