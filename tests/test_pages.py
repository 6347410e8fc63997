"""No name that reaches a page becomes a part of it."""

import base64
import hashlib
import html.parser
import pathlib
import re
import types

import numpy as np
import pandas as pd
import pytest
from corpora import make_corpus
from sweep.rows import Cell
from sweep.tables import markdown_table

from speechbrain_mmsed.cli.ensemble_table import ensemble_table
from speechbrain_mmsed.evaluation.evaluate import EvaluatedSystem, evaluate_by
from speechbrain_mmsed.evaluation.metrics.run import METRICS
from speechbrain_mmsed.evaluation.reports.charts import new_canvas, save
from speechbrain_mmsed.evaluation.reports.report_data import (
    describe_figures,
    report_data,
)
from speechbrain_mmsed.evaluation.reports.report_files import (
    compare_reports,
    write_report,
)
from speechbrain_mmsed.inference.folders.inputs import InputFile
from speechbrain_mmsed.inference.folders.results import Result
from speechbrain_mmsed.inference.folders.run import Outputs
from speechbrain_mmsed.inference.folders.tables import index_page
from speechbrain_mmsed.inference.formats import html as detection_page
from speechbrain_mmsed.inference.model_card import model_card
from speechbrain_mmsed.inference.results import Detection, FileScores
from speechbrain_mmsed.postprocessing.box_parameters import boxes_of
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

HOSTILE = [
    "<script>alert(1)</script>",
    '"onmouseover="alert(2)',
    "</script></style><!-- {{ 7*7 }} {% x %}",
    "' autofocus onfocus=alert(3) <img src=x onerror=alert(4)>",
    "&lt;b&gt; || `c` _d_ **e** [x](javascript:alert(5))\n| [y]: z",
]
HARMLESS = ["one", "two", "three", "four", "five"]


class Structure(html.parser.HTMLParser):
    """Tags with the names of their attributes, and what stands inline."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.inline, self.policies = [], {}, []
        self.other, self.links = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, [name for name, _ in attributes]))
        given = dict(attributes)
        self.links += [given[n] for n in ("href", "src") if n in given]
        if "http-equiv" in given:
            self.policies.append(given["content"])

    def handle_endtag(self, tag):
        self.tags.append(("/" + tag, []))

    def handle_data(self, data):
        # Data for a program have a type, and are no program.
        if self.tags and self.tags[-1] in (("style", []), ("script", [])):
            self.inline.setdefault(self.tags[-1][0], []).append(data)

    def handle_comment(self, data):
        self.other.append(data)

    handle_pi = unknown_decl = handle_comment


def detection(names):
    """A detection whose file, labels and streams are called so."""
    file = f"{names[0]}.wav".replace("/", "\\")
    scores = FileScores(
        *(file, names, np.full((8, 5), 0.2), np.full(5, 0.2), 0.5, 4.0),
        streams={names[1]: names[2]},
    )
    columns = ["filename", "onset", "offset", "event_label", "score"]
    events = pd.DataFrame(
        [[file, 1.0, 2.0, name, 0.9] for name in names], columns=columns
    )
    return Detection(events, scores, [(names[3], 0.9)])


def index(names):
    """A page of two recordings, one of which failed."""
    found = [(1.0, 2.0, name, 0.9) for name in names]
    done, failed = (
        InputFile(f"/{n}", n.replace("/", "\\"), "a") for n in names[:2]
    )
    results = [
        Result(done, duration=4.0, streams={names[2]: names[3]}, events=found),
        Result(failed, reason=names[4], message=names[0]),
    ]
    return index_page(results, Outputs("/out", ["html"]), [names[2]])


def report(names, folder):
    """The reports of two systems, and of one against the other."""
    classes = [[n % 5, (n + 1) % 5] for n in range(6)]
    scores, truth = make_corpus(classes, names, ending=names[2])
    every = np.ones(5)
    parameters = {
        metric: ClassParameters(names, every / 2, every.astype(int), every > 0)
        for metric in METRICS
    }
    system = EvaluatedSystem(
        scores=scores,
        parameters=parameters,
        has_video=scores.video(),
        parameters_from=names[1],
        notes=names,
    )
    truth = {"evaluation": truth}
    systems = evaluate_by("median", names[0], system, truth, ())
    metadata = {names[3]: names[4]}
    content = report_data(systems, {}, truth, {names[1]: names[:2]}, metadata)
    content["notes"] = names
    content["figures"] = {
        names[0]: describe_figures(system, "npz", names[1]),
    }
    write_report(content, folder, systems, truth, None, pictures=False)
    compare_reports(folder, folder, names[1:3], folder / "two", n_resamples=9)


FIGURES = dict.fromkeys(METRICS, 0.5)


def card(names):
    """The card of a detector of such classes."""
    tuned = {"ebf1": {"labels": names, "tuned": [False] * 5}}
    stream = {"name": names[0], "network": names[1], "width": 3}
    report = {
        "class_labels": names,
        "metadata": {"data_folder": f"/x/{names[2]}".replace("</", "<")},
        "metrics": {names[3]: {"all": FIGURES}},
        "counts": {"subsets": {}},
        "tuned_parameters": {names[3]: tuned},
        "libraries": {names[4]: names[0]},
    }
    streams = [{**stream, "preprocessing": names[4]}]
    return model_card(report, {names[3]: {"default": "median"}}, streams)


def ensemble(names):
    """What is said of an ensemble."""
    how = types.SimpleNamespace(model="student", average="probability")
    runs = dict(zip(names[:2], names[2:4], strict=True))
    reports = {
        name: {"metrics": {t: {"all": FIGURES} for t in (name, boxes_of(name))}}
        for name in names[:3]
    }
    return ensemble_table(how, runs, dict.fromkeys(runs, 0.5), reports)[1]


def experiment(names):
    """A table of systems that are called so."""
    system = types.SimpleNamespace(
        base=names[0], streams=names[1:3], pseudo_labels=names[3]
    )
    row = types.SimpleNamespace(
        **{"table": 5, "system": system, "training": names[4], "inference": 1},
        **{"split": "all", "n_seeds": 1, "other_clips": names[0]},
        cells={metric: Cell([0.5]) for metric in METRICS},
    )
    return markdown_table(5, [row], names)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Each page with harmless names and with hostile ones."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        where = "speechbrain_mmsed.evaluation.statistics.clip_statistics"
        patch.setattr(f"{where}.usual_resamples", lambda kind: 9)
        where = "speechbrain_mmsed.evaluation.reports.report_files"
        patch.setattr(f"{where}.has_matplotlib", lambda: False)
        for names in (HARMLESS, HOSTILE):
            folder = tmp_path_factory.mktemp("report")
            report(names, folder)
            texts = {
                "report": (folder / "report.html").read_text(),
                "comparison": (folder / "two/comparison.html").read_text(),
                "detection": detection_page.render(detection(names)),
                "index": index(names),
                "report.md": (folder / "report.md").read_text(),
                "comparison.md": (folder / "two/comparison.md").read_text(),
                "README.md": card(names),
                "ensemble.md": ensemble(names),
                "tables.md": experiment(names),
            }
            for name, text in texts.items():
                found.setdefault(name, []).append(text)
    return found


@pytest.mark.parametrize("name", ["report", "comparison", "detection", "index"])
def test_names_stay_text(pages, name):
    harmless, hostile = map(Structure, pages[name])
    assert hostile.tags == harmless.tags
    assert hostile.inline == harmless.inline and hostile.other == []
    assert not [x for x in hostile.links if re.match(r"\s*javascript:", x)]
    assert "49" not in set(re.findall(r"\d+", pages[name][1])) - set(
        re.findall(r"\d+", pages[name][0])
    )


@pytest.mark.parametrize("name", ["report", "comparison", "detection", "index"])
def test_only_the_own_script_and_style_may_run(pages, name):
    structure = Structure(pages[name][1])
    (policy,) = structure.policies
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'" and "unsafe" not in policy
    assert bool(structure.inline.get("script")) == (name == "detection")
    for tag in ("script", "style"):
        hashes = [
            base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            for text in structure.inline.get(tag, [])
        ]
        sources = " ".join(f"'sha256-{h}'" for h in hashes) or "'none'"
        assert rules[f"{tag}-src"] == sources
    # An attribute of style would need a permission of its own.
    names = {name for _, some in structure.tags for name in some}
    assert not [n for n in names if n == "style" or n.startswith("on")]


def test_a_name_in_a_picture_is_no_formula(tmp_path):
    figure, (ax,) = new_canvas(2, 2, title="$\\frac$")
    ax.set_xticks([0], ["$\\frac$"])
    save(figure, tmp_path, "a.png")
    assert (tmp_path / "a.png").stat().st_size > 0


def markup(text):
    """What of Markdown is markup in each line: the rest is escaped."""
    plain = re.sub(r"\\.|&lt;", "", text)
    found = (
        r"[|`]|<(?=[A-Za-z/!?])|\](?=[(\[:])|\*(?=\S)|(?<!\w)_(?=\S)|^#+|&\w+;"
    )
    return [re.findall(found, line) for line in plain.splitlines()]


@pytest.mark.parametrize(
    "name",
    ["report.md", "comparison.md", "README.md", "ensemble.md", "tables.md"],
)
def test_names_stay_text_in_markdown(pages, name):
    harmless, hostile = pages[name]
    assert markup(hostile) == markup(harmless)
    assert "alert(" in hostile


def test_each_markdown_is_looked_at():
    """What is written beside those above is all code, by preparation."""
    root, names = pathlib.Path(__file__).resolve().parents[1], set()
    for room in ("speechbrain_mmsed", "recipes"):
        for path in (root / room).rglob("*.py"):
            names |= {*re.findall(r'([\w{}]+\.md)"', path.read_text())}
    looked_at = {"README.md", "ensemble.md", "tables.md", "{name}.md"}
    assert names == {*looked_at, "prepare_report.md", "macros.md"}
