"""From finished runs to tables.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import glob
import os

from tqdm import tqdm

from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.pages import markdown_text
from sweep.jobs import make_jobs, sorted_out
from sweep.paper import (
    is_papers_corpus,
    notes,
    read_paper,
)
from sweep.plot import plot_rows
from sweep.results import choose, read_runs
from sweep.rows import table_rows
from sweep.tables import choices_table, markdown_table
from sweep.tables_files import csv_table, latex


def tabulate(plan, folder, seeds=(), model="student", clips=True):
    """Writes the tables of all runs that are done, of whatever seed.

    Arguments
    ---------
    plan, folder : Plan, str
        The experiment and its folder.
    seeds : list of int
        Further seeds than the plan's.
    model : str
        "student" or "teacher".
    clips : bool
        Whether differences get intervals over clips.

    Returns
    -------
    str
        The line that says where the tables are.
    """
    seeds = sorted({*plan.seeds, *seeds})
    jobs = make_jobs(plan, folder, seeds)
    further = sorted(_seeds_in(folder) - {*seeds})
    if further:
        # Runs of other seeds that somebody asked for earlier.
        jobs += [
            job
            for job in make_jobs(plan, folder, further)
            if os.path.isdir(job.folder)
        ]
    path = collect(plan, jobs, folder, model, clips)
    if path is None:
        return f"No run of {folder} is done: there are no tables yet."
    return f"Tables: {os.path.abspath(path)}"


def _seeds_in(folder):
    """Seeds that have a folder in an experiment."""
    found = glob.glob(os.path.join(glob.escape(folder), "runs", "*", "seed_*"))
    numbers = [path.rsplit("seed_", 1)[1] for path in found]
    return {int(number) for number in numbers if number.isdecimal()}


def collect(plan, jobs, folder, model="student", clips=True):
    """Writes tables of the runs that are done among `jobs`.

    Into the folder `tables` of the experiment's; for the rest see `tabulate`.

    Returns
    -------
    str or None
        Path of tables.md; None if no run is done.
    """
    runs = read_runs(jobs, model)
    found = {system: choose(system, runs, jobs) for system in plan.systems}
    choices = {s: choice for s, choice in found.items() if choice is not None}
    if not choices:
        return None
    without = [system.name for system in found if system not in choices]

    def progress(rows):
        return tqdm(rows, desc="tables", disable=None)

    paper = read_paper(plan.paper_figures) if plan.paper_figures else {}
    rows = table_rows(choices, paper, plan.stands_for, clips, progress)
    parts = [f"# {markdown_text(plan.title)}"]
    parts.append(markdown_text(_state(jobs, runs, without)))
    table_notes = {}
    for number in sorted({row.table for row in rows}):
        own = [row for row in rows if row.table == number]
        shown = {row.system: row.choice for row in own}
        table_notes[number] = notes(shown, plan.stands_for)
        parts.append(markdown_table(number, own, table_notes[number]))
    parts.append(choices_table(choices))
    folder = os.path.join(folder, "tables" if model == "student" else model)
    all_notes = notes(choices, plan.stands_for)
    names = plot_rows(rows, folder, all_notes, is_papers_corpus(choices))
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
