"""A report as one html page that opens without a network.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import base64
import pathlib
import re

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem;
       max-width: 72rem; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums;
        font-size: .92rem; display: block; overflow-x: auto;
        margin: 1rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line);
         text-align: left; white-space: nowrap; }
tbody tr:nth-child(odd) { background: var(--soft); }
img { max-width: 100%; height: auto; background: white; padding: 4px;
      border-radius: 4px; }
nav ul { columns: 2; padding-left: 1.2rem; }
"""
PICTURE = re.compile(r'src="([^":]+\.png)"')


def write_page(markdown_text, folder, name="report.html", title="Report"):
    """Writes the page, its pictures inside.

    Arguments
    ---------
    markdown_text : str
        The report, with pictures as `![...](file.png)`.
    folder : str or pathlib.Path
        Where the pictures are and the page goes.
    name : str
        Of the page.
    title : str
        For the browser's tab.

    Returns
    -------
    pathlib.Path
        The page.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> page = write_page("# Report\\n\\n## A\\n\\n- b", folder)
    >>> "<li>b</li>" in page.read_text()
    True
    """
    import markdown

    from speechbrain_mmsed.files import write_text

    folder = pathlib.Path(folder)
    converter = markdown.Markdown(
        extensions=["tables", "toc", "sane_lists"],
        extension_configs={"toc": {"toc_depth": "2-2"}},
    )
    body = converter.convert(markdown_text)

    def embedded(match):
        content = (folder / match[1]).read_bytes()
        code = base64.b64encode(content).decode()
        return f'src="data:image/png;base64,{code}"'

    body = PICTURE.sub(embedded, body)
    # The list of sections stands below the heading.
    body = body.replace("</h1>", f"</h1>\n<nav>{converter.toc}</nav>", 1)
    write_text(
        folder / name,
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n",
    )
    return folder / name
