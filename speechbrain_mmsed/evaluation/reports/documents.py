"""Reports as markdown and as pages.

Templates say it once; macros of each form make headings, points and tables.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import base64
import re

import jinja2

from speechbrain_mmsed.evaluation.reports import report_tables
from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.pages import content_policy, markdown_text


def markdown(template, title, /, **content):
    """A template as a markdown document; the rest is what it speaks of."""
    text = _TEMPLATES.get_template(template).render(
        content, macros="macros.md", titles=[]
    )
    # One empty line between its parts.
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return f"# {markdown_text(title)}\n\n{text}\n"


def write_page(template, title, path, /, **content):
    """Writes a template as one page, with the pictures of its folder in it."""
    titles = []
    body = _TEMPLATES.get_template(template).render(
        content, macros="macros.html", titles=titles, folder=path.parent
    )
    page = _TEMPLATES.get_template("page.html").render(
        title=title, titles=titles, body=body, policy=content_policy
    )
    write_text(path, page + "\n")
    return path


def check_templates():
    """Reads every template, so that none fails when there is a report."""
    for name in _TEMPLATES.list_templates(["txt", "md", "html"]):
        _TEMPLATES.get_template(name)


def screen_report(report):
    """The tables of figures, and why some are empty, for the screen."""
    return _TEMPLATES.get_template("screen.txt").render(report=report)


def _of_controls(report, section):
    """A section of all controls, [control] as [model] of the report's own."""
    return {name: found[section] for name, found in report["controls"].items()}


def _of_all(report, section):
    """A section of models and controls."""
    return report[section] | _of_controls(report, section)


def _undefined_figures(report):
    """One line for each reason, with the figures it explains."""
    found = _of_all(report, "null_reasons")
    for group, content in report["class_groups"].items():
        for model, splits in content["null_reasons"].items():
            found[f"{model} ({group})"] = splits
    lines = {}
    for name, splits in found.items():
        for split, reasons in splits.items():
            for metric, reason in reasons.items():
                line = f"{name}, {_clips(split)}", reason
                lines.setdefault(line, []).append(report_tables.NAMES[metric])
    return [
        f"{where}: {', '.join(names)}: {reason}"
        for (where, reason), names in lines.items()
    ]


def _clips(split):
    """A split in the middle of a sentence."""
    title = report_tables.split_title(split)
    return title if title.startswith("all") else f"video {title}"


def _flow(lines):
    """Lines of a template as one."""
    return " ".join(lines.split())


def _points(lines):
    """What stands behind the asterisks at the starts of lines."""
    parts = re.split(r"^\s*\* ", lines, flags=re.MULTILINE)
    return [_flow(part) for part in parts[1:]]


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader(__package__, "templates"),
    autoescape=lambda name: name.endswith(".html"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(
    flow=_flow,
    plain=markdown_text,
    points=_points,
    rows=report_tables.rows,
    base64=lambda path: base64.b64encode(path.read_bytes()).decode(),
)
_TEMPLATES.globals.update(
    {k: v for k, v in vars(report_tables).items() if not k.startswith("_")},
    clips=_clips,
    of_controls=_of_controls,
    of_all=_of_all,
    undefined_figures=_undefined_figures,
)
