# SPDX-License-Identifier: Apache-2.0
"""Models of machine learning frameworks to graphs of exact integers."""
