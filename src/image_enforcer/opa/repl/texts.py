"""What the REPL says about itself."""

from __future__ import annotations

from typing import Final

HELP: Final = """
Examples
========

> data                     # show all documents
> data[x] = _              # show all top level keys
> data.a.b                 # show one document, or what rules make of it
> x := 1                   # define a rule of the current package, or re-define it
> allow if input.n > 1     # so does this
> input = data.mock.one    # set the input document

A statement may span several lines; what does not parse yet is continued, and an empty line ends it.

Commands
========

                       <stmt> : evaluate the statement
               package <term> : change active package
                import <term> : add import to active module
                        show  : show active module definition
                  show debug  : show REPL settings
                  unset <ref> : unset rules in currently active module, or the input document
          unset-package <var> : unset packages in currently active module
                         json : set output format to JSON
                       pretty : set output format to pretty
             pretty-limit <n> : set pretty value output limit (0: none)
                      metrics : toggle metrics
        strict-builtin-errors : toggle strict built-in error mode
                  dump [path] : dump raw data in storage, or write it to a new file
                 help [topic] : print this message; topics are input and partial
                         exit : exit the shell (or ctrl+d)

Not supported: trace, notes, fails, instrument, profile, traceback, types, unknown, target wasm.
"""

HELP_INPUT: Final = """
Input
=====

Policies read what they judge from the document "input". Here it is what you say it is:

\t> input = {"user": "kim"}        # any value
\t> input = data.mock.allowed      # a document or rule, looked up anew for each query
\t> unset input                    # no input again

Without that, the documents under the repl.input package are the input: rules defined there, and files
loaded as repl.input:<path>.

\t> package repl.input
\t> params := {"method": "POST", "path": "/some/path"}
\t> package opa.example
\t> import input.params
\t> is_post if { params.method == "POST" }
\t> is_post
\ttrue

"""

HELP_PARTIAL: Final = """
Partial Evaluation
==================

Evaluating queries with respect to unknown documents is not supported. Give the input document a value
(help input) and evaluate the query whole.

"""

TOPICS: Final = {"input": HELP_INPUT, "partial": HELP_PARTIAL}

UNKNOWN_USAGE: Final = "usage: unknown <input/data reference> [<input/data reference> [...]] (hint: try 'input')"


NO_ENGINE: Final = """1 error occurred: engine not found
WebAssembly runtime not supported in this build.
----------------------------------------------------------------------------------
Please download an OPA binary with Wasm enabled from
https://www.openpolicyagent.org/docs/latest/#running-opa
or build it yourself (with Wasm enabled).
----------------------------------------------------------------------------------"""


class Told(Exception):
    """A query that failed; the text is all that is shown of it, lines ended."""


class Misuse(Exception):
    """A command that was given wrongly; the text says how it goes."""


def unsupported(command: str, instead: str = "") -> Misuse:
    """A command of OPA's that is not here."""
    return Misuse(f"{command} is not supported" + (f"; {instead}" if instead else "; see 'help' for what is"))


def no_trace(mode: str) -> str:
    """What is said where tracing is on and policies are not evaluated."""
    return f'warning: trace mode "{mode}" is not supported with wasm target\n'
