"""``completions``: what a shell needs to complete the program's commands and options."""

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")
_NAME = "connext-monitor"
_VARIABLE = "_CONNEXT_MONITOR_COMPLETE"
"""What the shell sets to ask; click derives it from the program's name."""


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completions(context: click.Context, shell: str) -> None:
    """Print a script that completes commands and options in a shell.

    \b
    bash   eval "$(connext-monitor completions bash)"       in ~/.bashrc
    zsh    eval "$(connext-monitor completions zsh)"        in ~/.zshrc
    fish   connext-monitor completions fish | source        in ~/.config/fish/config.fish
    """  # noqa: D301 - click's own mark of lines that are to be kept as they are
    completion = get_completion_class(shell)
    if completion is None:
        raise click.BadParameter(f"one of {', '.join(_SHELLS)} is known", param_hint="SHELL")
    script = completion(context.find_root().command, {}, _NAME, _VARIABLE)
    click.echo(script.source_template % script.source_vars())
