"""Environment variables stand for options, ``IMAGE_ENFORCER_VERIFY_NAMESPACE`` for ``verify --namespace``.

A name that stands for nothing is an error: a misspelt setting would otherwise be one that silently does not hold.
"""

from __future__ import annotations

from .faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Final

    from cyclopts import App

PREFIX: Final = "IMAGE_ENFORCER_"
FOREIGN: Final = frozenset({"IMAGE_ENFORCER_CASES", "IMAGE_ENFORCER_PEERS", "IMAGE_ENFORCER_CACHE"})
"""Names with the prefix that belong to the tests, or to no single command."""


def check(environ: Iterable[str], commands: Callable[[], Mapping[str, App]]) -> None:
    """Raises a fault for the first name with the prefix that no option of a command has."""
    given = sorted(name for name in environ if name.startswith(PREFIX) and name not in FOREIGN)
    if not given:
        return
    known = {variable(command, name) for command, app in commands().items() for name in options(app)}
    for name in given:
        if name not in known:
            from difflib import get_close_matches

            close = get_close_matches(name, sorted(known), 1, 0.8)
            hint = f"did you mean {close[0]}?" if close else f"options are {PREFIX}COMMAND_OPTION; unset {name}"
            raise Fault("IE2031", f"the environment variable {name} stands for no option", hint=hint)


def variable(command: str, option: str) -> str:
    """The name for an option (``--fail-on``) of a command."""
    return PREFIX + f"{command}_{option.lstrip('-')}".upper().replace("-", "_")


def options(app: App) -> list[str]:
    """The long names of a command's options."""
    from cyclopts import Parameter

    arguments = app.assemble_argument_collection(default_parameter=Parameter(negative=()))
    return [name for argument in arguments for name in argument.names if name.startswith("--")]
