# SPDX-License-Identifier: Apache-2.0
"""What the tests of the hls4ml backend share."""

from __future__ import annotations

from typing import Any

import pytest
from hls4ml_nets import the_backend


@pytest.fixture(scope="session")
def backend() -> Any:
    """hls4ml's backend of our name, with Keras 2 in place."""
    return the_backend()
