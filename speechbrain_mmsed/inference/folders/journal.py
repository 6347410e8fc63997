"""What is done of a folder of recordings, so that it is not done again.

A line of JSON for each recording, appended when its results are on disk, with
the size and time of each file that was written. A program that is killed
leaves at most half a line, which is passed over. The first line holds the
settings: results of other settings, or of another model, are done again, but
that their files are the program's own is remembered. All other files are the
user's: labels of one's own often lie beside the films, under the very names
that results would have.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import json
import os

from speechbrain_mmsed.files import (
    ABSENT,
    disk_full_explained,
    file_state,
    write_text,
)
from speechbrain_mmsed.folders import changed_settings, remove

# In place of a recording's name: tables of all of them.
ALL = ""

# Each has a journal; both may write to one folder, files.tsv is of either.
COMMANDS = ("detect", "tag")

# What a line raises that is not as one was written.
DAMAGED = (AttributeError, KeyError, TypeError, ValueError)


class Journal:
    """Results of recordings, kept beside them.

    Nothing is written before the first `claim`, `append` or `fail`. `paths`
    are always those of the files of a recording.

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
    >>> Journal(path, {"metric": "ebf1"}).result("a.wav")
    {'events': []}
    >>> Journal(path, {"metric": "sbf1"}).result("a.wav")
    """

    def __init__(self, path, settings):
        self.path = os.fspath(path)
        self.folder = os.path.dirname(os.path.abspath(self.path))
        self.settings = settings
        # Name -> line of a recording that is done with these settings.
        self._done = {}
        # Name -> {path: state} of all settings; the file is still that.
        self._owned = {}
        self._started = False
        lines = self._read()
        before = lines[0].get("settings") if lines else None
        is_journal = isinstance(before, dict)
        # There is a file of that name, but no call has written it.
        self.is_strange = not is_journal and os.path.lexists(self.path)
        same = is_journal and not changed_settings(before, settings)
        claimed = {}
        for line in lines[1:]:
            with contextlib.suppress(*DAMAGED):
                self._replay(line, same, claimed)
        self._keep_present(claimed)

    def _read(self):
        """Lines that are whole."""
        lines = []
        with (
            contextlib.suppress(FileNotFoundError),
            open(self.path, encoding="utf-8", errors="replace") as file,
        ):
            for text in file:
                with contextlib.suppress(ValueError, RecursionError):
                    line = json.loads(text)
                    _as_json(line)  # has no infinity
                    lines.append(line)
        return [line for line in lines if isinstance(line, dict)]

    def _replay(self, line, same, claimed):
        """Understands a line of an earlier call."""
        for name, outputs in line.get("owned", {}).items():
            self._owned.setdefault(name, {}).update(outputs)
            claimed.pop(name, None)
        claimed.update(line.get("claimed", {}))
        if "name" not in line:
            return
        name = line["name"]
        claimed.pop(name, None)
        if line["result"] is None:
            self._done.pop(name, None)
            self._owned.pop(name, None)
            return
        self._owned.setdefault(name, {}).update(line.get("outputs", {}))
        if same:
            self._done[name] = line

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
            for path in paths if isinstance(paths, list) else ():
                state = self._state(path)
                if state is not None and path not in known:
                    self._owned.setdefault(name, {})[path] = state
        self._states = {}
        for outputs in self._owned.values():
            self._states.update(outputs)

    def result(self, name, paths=()):
        """What `append` was told; None if a path is not as it was then."""
        if name not in self._done:
            return None
        outputs = dict(self._done[name].get("outputs", {}))
        for path, state in self._states_of(paths).items():
            if state is None or outputs.get(path) != state:
                return None
        return self._done[name]["result"]

    def owns(self, path):
        """Whether an earlier call wrote a file, and nobody since."""
        path = self._relative(path)
        return path in self._states and self._states[path] == self._state(path)

    def own(self, paths):
        """Records files on disk that belong to all recordings together."""
        self._owned[ALL] = self._states_of(paths)
        self._write({"owned": {ALL: self._owned[ALL]}})

    def claim(self, paths_of):
        """Says what will be written, so that a kill leaves no strange file.

        `paths_of` is name -> paths; those of all together are under ALL.
        """
        claimed = {n: [*map(self._relative, p)] for n, p in paths_of.items()}
        self._write({"claimed": claimed})

    def append(self, name, result, paths=()):
        """Records a recording whose results (for JSON) are on disk."""
        outputs = self._states_of(paths)
        line = {"name": name, "result": result, "outputs": outputs}
        self._write(line)
        self._done[name] = line
        self._owned.setdefault(name, {}).update(outputs)

    def fail(self, name):
        """Records that a recording failed; files of it are removed.

        Those of an earlier call would be taken for what is there now. A
        file that was changed since it was written is somebody's work and
        stays.
        """
        for path, state in self._owned.pop(name, {}).items():
            if state is not None and self._state(path) == state:
                remove(os.path.join(self.folder, path))
        self._done.pop(name, None)
        self._write({"name": name, "result": None})

    def _relative(self, path):
        """A path from the journal's folder, which may be moved."""
        return os.path.relpath(os.path.abspath(path), self.folder)

    def _state(self, path):
        """State of a file beside the journal."""
        return state_of(os.path.join(self.folder, str(path)))

    def _states_of(self, paths):
        """Relative path -> state."""
        return {path: self._state(path) for path in map(self._relative, paths)}

    def _write(self, line):
        """Appends a line; the first one begins the file anew.

        So that nothing is appended to half a line.
        """
        if not self._started:
            lines = [{"settings": self.settings}, {"owned": self._owned}]
            lines += self._done.values()
            write_text(self.path, "".join(map(_as_json, lines)))
            self._started = True
        with (
            disk_full_explained(self.path),
            open(self.path, "a", encoding="utf-8") as file,
        ):
            file.write(_as_json(line))


def _as_json(line):
    """One line of text; names may hold bytes that are no text."""
    return json.dumps(line, allow_nan=False) + "\n"


def state_of(path):
    """[size, time] of a file as `files.file_state`; None if it is gone."""
    try:
        state = file_state(path)
    except OSError:
        return None
    return None if state[0] == ABSENT else list(state)


def journal_path(folder, command):
    """The journal of one of COMMANDS in an output folder."""
    return os.path.join(folder, f"{command}.jsonl")


def strangers(folder, command, paths):
    """Files of the user that a command would overwrite in an output folder.

    Arguments
    ---------
    folder, command : str
        The output folder and who wants to write, one of COMMANDS.
    paths : iterable of str
        What it would write.

    Returns
    -------
    list of str
        Those that are there and that no journal owns, or that were changed
        since; and the journal itself if it is none.
    """
    journals = {c: Journal(journal_path(folder, c), {}) for c in COMMANDS}
    own = journals[command]
    found = [own.path] if own.is_strange else []
    return found + [
        path
        for path in paths
        if os.path.lexists(path)
        and not any(journal.owns(path) for journal in journals.values())
    ]
