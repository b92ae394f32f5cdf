# SPDX-License-Identifier: Apache-2.0
"""What to do about layers that have no hardware."""

from __future__ import annotations

from rtl4ml.errors import named

_RECURRENT = (
    "its sums depend on all times before; use QConv1D with padding='causal' and dilation over them instead"
)
_QUANTIZED = "build the model of QKeras's layers, whose quantizers are what the hardware computes"

# By the name of the layer's class.
WAYS_OUT = {
    "PruneLowMagnitude": "take the wrappers off with tfmot.sparsity.keras.strip_pruning(model)",
    "ClusterWeights": "take the wrappers off with tfmot.clustering.keras.strip_clustering(model)",
    **dict.fromkeys(
        ("QuantizeWrapperV2", "QuantizeWrapper", "QuantizeAnnotate", "QuantizeLayer"), _QUANTIZED
    ),
    "Rescaling": "scale the samples before the model, and let the input's quantizer hold them "
    f"({named('input_precision', 'ap_ufixed<8,0>')} for values from 0 to 1)",
    "Normalization": "normalize the samples before the model, and let the input's quantizer hold them",
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "QLSTM", "QGRU", "QSimpleRNN", "Bidirectional"), _RECURRENT),
    "Lambda": "its code is not looked into; use layers of Keras and QKeras",
}


def way_out(kind: str) -> str:
    """What to do about a layer of a class that is not supported."""
    return WAYS_OUT.get(kind, "see the README's table of layers")
