"""A command of ``paybench``: its examples, its errors, its exit codes."""

from __future__ import annotations

import sys
from typing import Any

import click

EXIT_CODES = {"passed": 0, "failed": 1, "blocked": 3, "error": 4}
USAGE, ERROR, INTERRUPTED = 2, 4, 130


class Command(click.Command):
    """A click command whose help ends with examples, as they are typed.

    Args:
        *args: As a click command's.
        examples: Lines one can type.
        **attributes: As a click command's.
    """

    def __init__(self, *args: Any, examples: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the examples."""
        with formatter.section("Examples"):
            for line in self.examples.splitlines():
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")


class Group(Command, click.Group):
    """Our own errors as one line and an exit code, never a traceback."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; map what it raises."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("paybench: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except Exception as error:
            from paybench.devices.errors import TraceError
            from paybench.scenarios.errors import ScenarioError

            if not isinstance(error, (ScenarioError, TraceError)):
                raise
            click.echo(f"paybench: {error}", err=True)
            sys.exit(USAGE)


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
