"""What is done of a folder of recordings, so that it is not done again.

A line of JSON for each recording, appended when its results are on disk. A
program that is killed leaves at most half a line, which is passed over. The
first line holds the settings: results of other settings, or of another
model, are not taken for those that are wanted.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import os

from speechbrain_mmsed.files import write_text


class Journal:
    """Results of recordings, kept beside them.

    Arguments
    ---------
    path : str or pathlib.Path
        The file; it need not exist.
    settings : dict
        Everything that the results depend on but the recordings.

    Example
    -------
    >>> path = getfixture("tmp_path") / "detect.jsonl"
    >>> Journal(path, {"metric": "ebf1"}).append("a.wav", {"events": []})
    >>> Journal(path, {"metric": "ebf1"}).done
    {'a.wav': {'events': []}}
    >>> Journal(path, {"metric": "sbf1"}).done
    {}
    """

    def __init__(self, path, settings):
        self.path = os.fspath(path)
        first = _line({"settings": settings})
        self.done = {}
        lines = self._read()
        if lines and lines[0] == json.loads(first):
            for line in lines[1:]:
                self.done[line["name"]] = line["result"]
        # Written anew, so that nothing is appended to half a line.
        kept = [
            _line({"name": name, "result": result})
            for name, result in self.done.items()
        ]
        write_text(self.path, "".join([first, *kept]))

    def _read(self):
        lines = []
        try:
            with open(self.path, encoding="utf-8") as file:
                for text in file:
                    try:
                        lines.append(json.loads(text))
                    except ValueError:
                        continue
        except (FileNotFoundError, UnicodeDecodeError):
            pass
        return lines

    def append(self, name, result):
        """Records a recording whose results are on disk.

        Arguments
        ---------
        name : str
            What results call it.
        result : dict
            Anything that JSON can hold.
        """
        self.done[name] = result
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line({"name": name, "result": result}))


def _line(content):
    """JSON in one line; names may hold bytes that are no text."""
    return json.dumps(content, allow_nan=False) + "\n"
