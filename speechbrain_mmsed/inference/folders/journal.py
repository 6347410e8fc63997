"""What is done of a folder of recordings, so that it is not done again.

A line of JSON for each recording, appended when its results are on disk, with
the size and time of each file that was written. A program that is killed
leaves at most half a line, which is passed over. The first line holds the
settings: results of other settings, or of another model, are not taken for
those that are wanted, but that their files are the program's own is kept.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import os

from speechbrain_mmsed.files import ABSENT, file_state, write_text

# In place of a recording's name: tables of all of them.
ALL = ""


class Journal:
    """Results of recordings, kept beside them.

    Nothing is written before the first `claim`, `append` or `fail`.

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
        self.folder = os.path.dirname(os.path.abspath(self.path))
        # Name -> result, and name -> {path: state} of these settings.
        self.done, self._outputs = {}, {}
        # Name -> {path: state} of all settings; the file is still that.
        self._owned = {}
        self._first = {"settings": json.loads(json.dumps(settings))}
        self._started = False
        lines = self._read()
        same = bool(lines) and lines[0] == self._first
        # There is a file of that name, but no call has written it.
        self.is_strange = os.path.lexists(self.path) and not (
            lines and "settings" in lines[0]
        )
        claimed = {}
        for line in lines[1:]:
            self._take(line, same, claimed)
        self._keep_present(claimed)

    def _take(self, line, same, claimed):
        """Understands a line of an earlier call."""
        for name, outputs in line.get("owned", {}).items():
            self._owned.setdefault(name, {}).update(outputs)
            claimed.pop(name, None)
        for name, paths in line.get("claimed", {}).items():
            claimed[name] = paths
        if "name" not in line:
            return
        name = line["name"]
        claimed.pop(name, None)
        if line["result"] is None:
            for found in (self.done, self._outputs, self._owned):
                found.pop(name, None)
            return
        outputs = line.get("outputs", {})
        self._owned.setdefault(name, {}).update(outputs)
        if same:
            self.done[name], self._outputs[name] = line["result"], outputs

    def _keep_present(self, claimed):
        """Forgets files that are gone or have become another's.

        What was claimed and is nobody's has been written by a call that was
        killed before it could say so.
        """
        for name, outputs in self._owned.items():
            self._owned[name] = {
                path: state
                for path, state in outputs.items()
                if self._state(path) == state
            }
        known = {path for paths in self._owned.values() for path in paths}
        for name, paths in claimed.items():
            for path in paths:
                state = self._state(path)
                if state is not None and path not in known:
                    self._owned.setdefault(name, {})[path] = state
        self._states = {}
        for outputs in self._owned.values():
            self._states.update(outputs)

    def _state(self, path):
        """[size, time] of a file beside the journal, or None."""
        try:
            state = file_state(os.path.join(self.folder, path))
        except OSError:
            return None
        return None if state[0] == ABSENT else list(state)

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
        return [line for line in lines if isinstance(line, dict)]

    def holds(self, name, paths=()):
        """Whether a recording is done and its files are those of then.

        Arguments
        ---------
        name : str
            What results call it.
        paths : iterable of str
            Its files that are wanted.

        Returns
        -------
        bool
        """
        if name not in self.done:
            return False
        written = self._outputs[name]
        for path in map(self._relative, paths):
            state = self._state(path)
            if state is None or written.get(path) != state:
                return False
        return True

    def owns(self, path):
        """Whether an earlier call wrote a file, and nobody since.

        Arguments
        ---------
        path : str or pathlib.Path
            A file.

        Returns
        -------
        bool
        """
        path = self._relative(path)
        return path in self._states and self._states[path] == self._state(path)

    def own(self, paths):
        """Records files that belong to all recordings together.

        Arguments
        ---------
        paths : iterable of str
            They are on disk.
        """
        outputs = {p: self._state(p) for p in map(self._relative, paths)}
        self._owned[ALL] = outputs
        self._write({"owned": {ALL: outputs}})

    def claim(self, paths_of):
        """Says what will be written, so that a kill leaves no strange file.

        Arguments
        ---------
        paths_of : dict
            Name -> paths; those of all recordings together under ALL.
        """
        claimed = {
            name: [self._relative(path) for path in paths]
            for name, paths in paths_of.items()
        }
        self._write({"claimed": claimed})

    def append(self, name, result, paths=()):
        """Records a recording whose results are on disk.

        Arguments
        ---------
        name : str
            What results call it.
        result : dict
            Anything that JSON can hold.
        paths : iterable of str
            Its files.
        """
        outputs = {}
        for path in map(self._relative, paths):
            outputs[path] = self._state(path)
        self._write({"name": name, "result": result, "outputs": outputs})
        self.done[name], self._outputs[name] = result, outputs
        self._owned.setdefault(name, {}).update(outputs)

    def fail(self, name):
        """Records that a recording failed; files of it are removed.

        Those of an earlier call would be taken for what is there now. A
        file that was changed since it was written is somebody's work and
        stays.

        Arguments
        ---------
        name : str
            What results call it.
        """
        for path, state in self._owned.pop(name, {}).items():
            if self._state(path) == state:
                os.remove(os.path.join(self.folder, path))
        self.done.pop(name, None)
        self._outputs.pop(name, None)
        self._write({"name": name, "result": None})

    def _relative(self, path):
        """A path from the journal's folder, which may be moved."""
        return os.path.relpath(os.path.abspath(path), self.folder)

    def _write(self, content):
        if not self._started:
            # Written anew, so that nothing is appended to half a line.
            lines = [self._first, {"owned": self._owned}]
            for name, result in self.done.items():
                outputs = self._outputs[name]
                lines.append(
                    {"name": name, "result": result, "outputs": outputs}
                )
            write_text(self.path, "".join(map(_line, lines)))
            self._started = True
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(content))


def _line(content):
    """JSON in one line; names may hold bytes that are no text."""
    return json.dumps(content, allow_nan=False) + "\n"
