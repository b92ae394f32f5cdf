# SPDX-License-Identifier: Apache-2.0
"""Every error that rtl4ml raises for a cause outside of it.

The text is one line: "<layer or file>: <rule>, not <offender>; <way out>". Names in it come from models and files that
others wrote, so every error makes its text safe to print.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

LONGEST_WORD = 400  # characters; a path of a few folders has less
LONGEST_TEXT = 2000


def readable(text: str) -> str:
    """The text on one line, of bounded length, without characters that a terminal obeys or hides.

    Controls, escapes, bidirectional and invisible characters become their escapes, as in a Python text; what is longer
    than a word or a message can be has an ellipsis in its middle.
    """
    line = re.sub(r" *[^\S ]\s*", " ", text).strip()
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    words = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: _shortened(word[0], LONGEST_WORD // 4), shown)
    return _shortened(words, LONGEST_TEXT) if len(words) > LONGEST_TEXT else words


def _shortened(text: str, length: int) -> str:
    return f"{text[: length * 2 // 3]}…{text[-(length // 3) :]}"


def cause_of(error: BaseException, most: int = 240) -> str:
    """What a library's error says, for a message: its kind and its last line that means something.

    Without what Keras and TensorFlow put around it: source files, the arguments of the call, whole configurations.
    """
    text = str(error).partition("Call arguments received by")[0]
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if re.search(r"\w", line) and not line.startswith('File "')]
    last = lines[-1] if lines else ""
    last = re.sub(r"^Exception encountered:\s*|^.*\bException encountered: ", "", last)
    last = re.sub(r"config=\{.*\}|\{[^{}]{40,}\}|\{.{80,}\}", "{…}", last)
    last = re.sub(r"(?<![\w.])(?:/[^\s/'\":,]+)+/(?=[^\s/'\":,])", "", last)  # a file by its name alone
    kind = type(error).__name__
    shown = readable(last if last.startswith(f"{kind}: ") or not last else f"{kind}: {last}")
    return (shown if len(shown) <= most else f"{shown[: most - 1]}…") or kind


# Characters of no text, private to this module: around a named argument, before the entries of a mapping, within one.
_BEGIN, _END, _ENTRY, _IS = "\ue000", "\ue001", "\ue002", "\ue003"
_NAMED = re.compile(f"{_BEGIN}([a-z_0-9]+)=([^{_BEGIN}{_END}]*){_END}")
Value = str | dict[str, str]  # of an argument; entries by name where it is a mapping; "" where there is none


def named(argument: str, value: object = "") -> str:
    """An argument, alone or with a value, for an error's text: Python and the command line write it each its way."""
    if isinstance(value, Mapping):
        value = "".join(f"{_ENTRY}{k}{_IS}{v}" for k, v in value.items())
    return f"{_BEGIN}{argument}={value}{_END}"


def _value(text: str) -> Value:
    if not text.startswith(_ENTRY):
        return text
    return dict(entry.split(_IS, 1) for entry in text[1:].split(_ENTRY))


def _in_python(argument: str, value: Value) -> str:
    if isinstance(value, dict):
        entries = ", ".join(f'"{k}": {v}' for k, v in value.items())
        return f"{argument}={{{entries}}}"
    if not value:
        return argument
    plain = value in ("True", "False") or re.fullmatch(r"-?[\d.]+", value)
    return f"{argument}={value if plain else repr(value)}"


class Rtl4mlError(Exception):
    """Base of all errors of rtl4ml; the command line turns it into one line and exit status 2."""

    def __init__(self, text: str = "") -> None:
        self._marked = text if _NAMED.search(text) else None
        super().__init__(readable(_NAMED.sub(lambda m: _in_python(m[1], _value(m[2])), text)))

    def worded(self, option: Callable[[str, Value], str]) -> str:
        """The text with every argument as `option` writes it, given its name and value."""
        if self._marked is None:
            return str(self)
        return readable(_NAMED.sub(lambda m: option(m[1], _value(m[2])), self._marked))

    def replace(self, old: str, new: str) -> None:
        """Puts `new` for `old` in the text, as when the folder that it names is moved."""
        self.args = tuple(a.replace(readable(old), readable(new)) for a in self.args)
        if self._marked is not None:
            self._marked = self._marked.replace(old, new)


class BadModel(Rtl4mlError):
    """A model, or the file that holds it, that cannot be read or breaks a rule as a whole."""


class UnsupportedLayer(Rtl4mlError):
    """A layer or quantizer that has no exact hardware here."""


class BadInput(Rtl4mlError):
    """An argument or a batch of the wrong type, shape or range."""


class BadData(Rtl4mlError):
    """A data set or recipe that is missing, damaged or contradicts itself."""


class EnvironmentProblem(Rtl4mlError):
    """A tool or library that is missing, of the wrong version or imported in the wrong way."""


class OverBudget(Rtl4mlError):
    """A folding that does not fit the budget or the device."""


class SimulationFailed(Rtl4mlError):
    """RTL that does not compile, breaks the protocol or stands still."""


class BuildFailed(Rtl4mlError):
    """A build by the vendor's tools without a result to use: timing not met, a memory image not found, an error."""


class StaleProject(Rtl4mlError):
    """A project folder that holds another design than is asked of it, changed files, or nothing any more."""


class HlsCannot(Rtl4mlError):
    """A layer that the hls4ml project cannot hold exactly: its C simulation is refused, the rest goes on.

    texts: one of every such layer; the first is the error's own
    """

    def __init__(self, text: str, *others: str) -> None:
        super().__init__(text)
        self.texts = (str(self), *(readable(other) for other in others))

    def replace(self, old: str, new: str) -> None:
        super().replace(old, new)
        self.texts = tuple(text.replace(readable(old), readable(new)) for text in self.texts)
