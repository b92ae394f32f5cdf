# SPDX-License-Identifier: Apache-2.0
"""Resources of every cell, predicted from its parameters; a family a module, as in `cells`."""
