"""The comments of the Rust sources, each with its file and first line."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMENT = re.compile(r"^\s*(//[/!]?)(?: (.*)|$)")
LITERAL = re.compile(r'r(#+)"|"|\'(?:\\.[^\']*|[^\\\'])\'')


def files(*suffixes):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout.split("\n")
    return [path for path in listed if path.endswith(suffixes) and (ROOT / path).is_file()]


def trailing(line):
    """The comment after code on the same line, if there is one outside of a literal."""
    place = 0
    while place < len(line):
        if line.startswith("//", place):
            return line[place + 2:].strip()
        literal = LITERAL.match(line, place)
        if not literal:
            place += 1
        elif literal.group(0) == '"':
            end = re.compile(r'(?:[^"\\]|\\.)*"').match(line, literal.end())
            if not end:
                return None  # the literal goes on in the next line
            place = end.end()
        elif literal.group(1) is not None:
            end = line.find('"' + literal.group(1), literal.end())
            if end < 0:
                return None
            place = end + 1
        else:
            place = literal.end()
    return None


def of(path):
    """Yields `(line, kind, text, first)`. Consecutive lines of one kind are one comment, of which each
    paragraph is yielded by itself, without code blocks. The kind is `//`, `///` or `//!`; `first` is
    true for the first paragraph of a comment."""
    kind, start, words, first, fenced = None, 0, [], True, False
    for number, line in enumerate((ROOT / path).read_text().split("\n"), 1):
        match = COMMENT.match(line)
        mark, text = (match.group(1), (match.group(2) or "").strip()) if match else (None, "")
        if mark and mark != "//" and text.startswith("```"):
            fenced, text = not fenced, ""
        elif fenced:
            text = ""
        if words and (mark != kind or not text):
            yield start, kind, " ".join(words), first
            words, first = [], False
        if mark != kind:
            kind, first, fenced = mark, True, fenced and mark is not None
        if text:
            start = start if words else number
            words.append(text)
        if mark is None:
            after = trailing(line)
            if after:
                yield number, "//", after, True
    if words:
        yield start, kind, " ".join(words), first
