# SPDX-License-Identifier: Apache-2.0
"""What rtl4ml needs of the machine: tools, processes, folders, the cache, the frameworks."""
