# SPDX-License-Identifier: Apache-2.0
"""The frameworks under the name by which the networks of `models/` import them.

Trained students hold the hash of the file that builds their network, so that name stays.
"""

from __future__ import annotations

from rtl4ml.host.frameworks import keras, qkeras, tf

__all__ = ["keras", "qkeras", "tf"]
