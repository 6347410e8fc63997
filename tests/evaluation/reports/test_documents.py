"""One template as markdown and as a page."""

from speechbrain_mmsed.evaluation.reports.documents import (
    markdown,
    write_page,
)
from speechbrain_mmsed.evaluation.reports.report_tables import rows

FIGURE = {
    "micro": 0.5,
    "macro": None,
    "class_wise": {"D<o>g": 0.25},
    "definition": "F1 < 1",
    "computed_by": "psds_eval",
    "n_classes": 1,
    "reason": "none & nothing",
}
FURTHER = {"figures": {"ibf1": FIGURE}, "intervals": {}}


def test_words_are_the_same_in_every_form_and_escaped_in_html(tmp_path):
    content = {"further": FURTHER, "name": "<b>"}
    text = markdown("further.txt", "A & B", **content)
    assert text.startswith(
        "# A & B\n\n## Beside the paper's figures, &lt;b>, all"
    )
    point = "intersection-based F1: F1 < 1; 1 classes (none & nothing)."
    assert f"\n\n- {point}\n\n" in text
    assert "| D&lt;o>g |" in text
    assert "\n\n\n" not in text and text.endswith("F1 in %.\n")
    page = write_page("further.txt", "A & B", tmp_path / "a.html", **content)
    html = page.read_text()
    assert "<title>A &amp; B</title>" in html
    assert "<b>" not in html and "<td>D&lt;o&gt;g</td>" in html
    assert (
        "<li>intersection-based F1: F1 &lt; 1; 1 classes "
        "(none &amp; nothing).</li>" in html
    )
    assert '<td class="number">25.00</td>' in html
    assert html.count("Beside the paper&#39;s figures, &lt;b&gt;") == 2


def test_a_name_may_hold_what_parts_the_cells_of_a_table():
    table = rows("class || clips || F1\nA || B || 3\n|| 51.2\n")
    assert table.rows == [["A || B", "3", "51.2"]]
