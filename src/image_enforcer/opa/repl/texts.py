"""What the REPL says about itself."""

from __future__ import annotations


class Misuse(Exception):
    """A command that was given wrongly; the text says how it goes."""


HELP = """
Enter a query, a rule, a package or an import; an empty line ends what spans several lines.

  data                     every document
  data.a.b                 a document, or what rules make of it
  x := 1                   defines a rule of the current package (again: re-defines it)
  allow if input.n > 1     so does this
  input = data.mock.one    sets the input document; `unset input` takes it away
  package a.b              goes to a package
  import data.a.b          brings a name into it

Commands:

  show                     the rules of the current package
  unset <rule>             removes rules; unset-package <package> removes all of a package
  json | pretty            how results are shown; pretty-limit <n> cuts table cells (0: never)
  strict-builtin-errors    whether a failing built-in is an error, or undefined (a switch)
  dump                     the base documents as JSON
  help [input]             this text, or more about the input document
  exit                     leaves, as ctrl-d does
"""

HELP_INPUT = """
Policies read what they judge from `input`. Here it is what you say it is:

  input = {"user": "kim"}          any value
  input = data.mock.allowed        a document or rule, looked up anew for each query
  unset input                      no input again

Rules in a package `repl.input` make up the document too, and `repl.input:file.json` on the command line loads it.
"""


def help_text(args: list[str]) -> str:
    """The help, or that on a topic."""
    if not args or args[0] == "all":
        return HELP
    if args[0] == "input":
        return HELP_INPUT
    raise Misuse(f"unknown topic '{args[0]}'")


def later(args: list[str]) -> str:
    """A command of OPA's that is not here yet."""
    del args
    raise Misuse("this command is not available in this version; see `help` for those that are")


def target(args: list[str]) -> str:
    """There is one way to evaluate."""
    if len(args) != 1:
        raise Misuse(f"code bad arguments: target <mode>: expects exactly one argument, got {len(args)}")
    if args[0] == "rego":
        return ""
    if args[0] == "wasm":
        raise Misuse("target wasm is not available; policies are compiled to Python")
    raise Misuse(f'invalid target "{args[0]}":must be one of {{rego,wasm}}')


def debug(strict: bool) -> str:
    """The settings."""
    shown = "true" if strict else "false"
    return (
        '{\n\t"explain": "off",\n\t"metrics": false,\n\t"instrument": false,\n\t"profile": false,\n'
        f'\t"strict-builtin-errors": {shown},\n\t"traceback": false\n}}\n'
    )
