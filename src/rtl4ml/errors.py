# SPDX-License-Identifier: Apache-2.0
"""Every error that rtl4ml raises for a cause outside of it.

The text is one line: "<layer or file>: <rule>, not <offender>; <way out>".
"""

from __future__ import annotations


class Rtl4mlError(Exception):
    """Base of all errors of rtl4ml; the command line turns it into one line and exit status 2."""


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


class HlsCannot(Rtl4mlError):
    """A layer that the hls4ml project cannot hold exactly: its C simulation is refused, the rest goes on.

    texts: one of every such layer; the first is the error's own
    """

    def __init__(self, text: str, *others: str) -> None:
        super().__init__(text)
        self.texts = (text, *others)
