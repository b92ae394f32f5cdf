# SPDX-License-Identifier: Apache-2.0
"""Losses of pixels."""

from __future__ import annotations

from typing import Any

from rtl4ml.host import frameworks
from rtl4ml.training.segmentation.recipe import Loss


def pixel_loss(loss: Loss, masks: Any, targets: Any, logits: Any) -> Any:
    """The loss, a scalar tensor: masks (N, H, W) bool, targets (N, H, W) from 0 to 1, logits (N, H, W)."""
    tf = frameworks.tf()
    weights = tf.where(masks, loss.ships, loss.rest)
    found = tf.sigmoid(logits)
    if loss.kind == "mse":
        return tf.reduce_mean(weights * (targets - found) ** 2)
    entropy = tf.reduce_mean(weights * tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))
    if loss.kind == "bce":
        return entropy
    both = 2 * tf.reduce_sum(targets * found) + 1
    return entropy + 1 - both / (tf.reduce_sum(targets) + tf.reduce_sum(found) + 1)
