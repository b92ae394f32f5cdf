# SPDX-License-Identifier: Apache-2.0
"""The host machine: tools, processes, folders, the cache, the frameworks."""
