"""What a page may do: nothing but show itself.

Labels, names of files and titles come from anywhere. Templates escape them, and
`markdown_text` does in Markdown; should one slip through into a page, its
policy stops what it would run.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import base64
import hashlib
import re

# Characters that begin or end markup in a line: of tables, code, links, marks,
# headings and entities. Others of the kind stay as legible as they are.
_MARKUP = r"[\\`|]|\](?=[(\[:])|[*~](?=\S)|(?<![^\W_])_(?=\S)|^[#>]|&(?=#?\w+;)"


def content_policy(style, script="", media="'none'"):
    """Content-Security-Policy of a page that is one file.

    Arguments
    ---------
    style, script : str
        What stands between the page's own tags, to the letter; anything else
        inline does not apply or run.
    media : str
        Sources of sounds and films, such as "blob:".

    Returns
    -------
    str
        For the `meta` tag at the top; only pictures inside the page are shown.

    Example
    -------
    >>> policy = content_policy("p { color: red; }")
    >>> "script-src 'none'" in policy, "unsafe-inline" in policy
    (True, False)
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_source(style)}",
            f"script-src {_source(script)}",
            "img-src data:",
            f"media-src {media}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def markdown_text(value):
    """A value as one line of Markdown in which nothing is markup.

    Example
    -------
    >>> print(markdown_text("<b> a|b [x](javascript:y)"))
    &lt;b> a\\|b [x\\](javascript:y)
    """
    text = " ".join(str(value).split())
    text = re.sub(_MARKUP, r"\\\g<0>", text)
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)


def _source(text):
    """The hash of an inline style or script, as browsers compute it."""
    if not text:
        return "'none'"
    # Parsers turn every line end into one sign before they hash.
    plain = str(text).replace("\r\n", "\n").replace("\r", "\n")
    digest = hashlib.sha256(plain.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
