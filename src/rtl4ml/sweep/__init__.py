# SPDX-License-Identifier: Apache-2.0
"""Sweeps: many designs of one model, and what each buys.

`space` says which points there are, `tasks` what a worker does for one, `search` which comes next (Optuna), `pools` who
does it (processes, or Dask), `points` what is known of one, `front` which are worth having, `run` joins them.
"""
