# SPDX-License-Identifier: Apache-2.0
"""`backend="rtl4ml"` for hls4ml: what the entry point `hls4ml.backends` names; every `import hls4ml` runs it.

So it stays light: `convert` and all behind it are imported when the backend writes its first design.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from rtl4ml.errors import EnvironmentProblem
from rtl4ml.hls4ml_backend.backend import Rtl4mlBackend
from rtl4ml.host import frameworks


def register(register_backend: Callable[[str, Any], None], register_writer: Any = None) -> None:  # noqa: ARG001
    """Adds the backend to hls4ml, which calls this while it is imported.

    Where the process works with Keras 2 (tf_keras imported, or TF_USE_LEGACY_KERAS=1) hls4ml gets tf_keras under the
    name `keras`, whose version it asks before it hands anything over to a backend.
    """
    register_backend("rtl4ml", Rtl4mlBackend)
    if "tf_keras" in sys.modules or os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
        try:
            frameworks.keras()
        except EnvironmentProblem:
            return  # said again, and in full, when the backend is used
