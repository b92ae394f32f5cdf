# SPDX-License-Identifier: Apache-2.0
"""The report of a design: report.json and one page that opens offline."""
