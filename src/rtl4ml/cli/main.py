# SPDX-License-Identifier: Apache-2.0
"""The command line: `rtl4ml train | convert | verify | synth | report | sweep | compare |
vectors | verilog | board | demo`.

Exit status: 0 success, 1 a proof failed (or a bug of ours), 2 bad input, a missing tool or an interruption. Errors are
one line on stderr. Nothing heavy is imported before a command runs, so that `--help` is instant.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from rtl4ml.cli.group import cli
from rtl4ml.cli.options import option_of
from rtl4ml.cli.outcome import WRITTEN, ProofFailed
from rtl4ml.errors import BuildFailed, Rtl4mlError, SimulationFailed, readable
from rtl4ml.host import interruption
from rtl4ml.host.extras import missing
from rtl4ml.host.folders import NEW
from rtl4ml.host.invocation import running
from rtl4ml.host.tools import disk_errors


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point: runs the command of `argv` (default: the process's own) and exits with its status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # stderr is for our one line
    interruption.listen()
    status = run(sys.argv[1:] if argv is None else list(argv))
    if interruption.happened():  # at once: a thread that still computes would be waited for
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def run(argv: list[str]) -> int:
    """The exit status of the command of `argv`, after what it says."""
    debug = bool(os.environ.get("RTL4ML_DEBUG"))
    WRITTEN.clear()
    try:
        with disk_errors("output folder"), running(argv), cli.make_context("rtl4ml", argv) as context:
            cli.invoke(context)
        return 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "rtl4ml"
        return _complain(f"{error.format_message().rstrip('.')}; see {path} --help", 2)
    except Rtl4mlError as error:
        if debug:
            raise
        # Keras makes an error of its own of an interruption while it loads a model
        if interruption.happened():
            return _complain(_interrupted(error), 2)
        failed = isinstance(error, ProofFailed | SimulationFailed | BuildFailed)
        return _complain(error.worded(option_of), 1 if failed else 2)
    except KeyboardInterrupt as error:
        return _complain(_interrupted(error), 2)
    except BrokenPipeError:  # the reader of our output has gone, as in `rtl4ml report | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError) and (problem := missing(error)):
            return _complain(str(problem), 2)
        if interruption.happened():
            return _complain(_interrupted(error), 2)
        what = f"{type(error).__name__}: {error}"
        return _complain(f"internal error: {what}; run again with RTL4ML_DEBUG=1 and report the traceback", 1)


def _interrupted(error: BaseException) -> str:
    """What is said of an interruption: what became of the folders."""
    notes = getattr(error, "__notes__", None) or [f"{out}: {NEW}" for out in WRITTEN]
    return "; ".join(["interrupted", *notes])


def _complain(text: str, status: int) -> int:
    print(f"rtl4ml: {readable(text)}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
