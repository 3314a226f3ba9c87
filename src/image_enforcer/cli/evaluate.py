"""``eval``: one query, its results in the format asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .faults import Fault

Flag = Annotated[bool, Parameter(negative=())]
FORMATS = ("json", "values", "bindings", "pretty", "raw", "discard")


def evaluate(
    *query: str,
    data: Annotated[tuple[str, ...], Parameter(name=["--data", "-d"], consume_multiple=False)] = (),
    input_: Annotated[str, Parameter(name=["--input", "-i"])] = "",
    stdin_input: Annotated[bool, Parameter(name=["--stdin-input", "-I"], negative=())] = False,
    format_: Annotated[str, Parameter(name=["--format", "-f"])] = "json",
    fail: Flag = False,
    fail_defined: Flag = False,
    package: str = "",
    import_: Annotated[tuple[str, ...], Parameter(name="--import", consume_multiple=False)] = (),
    strict_builtin_errors: Flag = False,
    ignore: tuple[str, ...] = (),
    timeout: float = 0.0,
    v0_compatible: Flag = False,
    no_mount: Flag = False,
) -> int:
    """Evaluate a query and print its results.

    Parameters
    ----------
    query
        the query, e.g. data.a.allow
    data
        policy or data files and directories; may be given several times
    input_
        a file with the input document
    stdin_input
        read the input document from standard input
    format_
        json, values, bindings, pretty, raw or discard
    fail
        exit with 1 where the result is undefined
    fail_defined
        exit with 1 where the result is defined
    package
        evaluate as if inside this package
    import_
        names to bring in, e.g. data.a.b
    timeout
        seconds after which to give up; 0 is never
    """
    from ..opa import presentation
    from ..opa.documents import Documents
    from ..opa.errors import LoadError
    from ..opa.loader import load
    from ..rego import UNDEFINED, Host, Limits, RegoError, from_json
    from ..rego.builtins.yaml_documents import load as from_yaml
    from ..rego.syntax import parse_statements
    from ..rego.syntax.nodes import Import

    if len(query) != 1:
        raise Fault("IE2002", "give one query", hint="image-enforcer eval 'data.a.allow'")
    if format_ not in FORMATS:
        raise Fault("IE2003", f"--format {format_!r} is not one of {', '.join(FORMATS)}")
    version = 0 if v0_compatible else 1
    printed: list[str] = []
    try:
        documents = Documents(load(list(data), version=version, ignore=ignore, mount=not no_mount), version=version)
        imports = [s for name in import_ for s in parse_statements(f"import {name}") if isinstance(s, Import)]
        prepared = documents.state.policy.prepare(
            query[0],
            package=package.split(".") if package else None,
            imports=imports,
            strict_builtin_errors=strict_builtin_errors,
        )
        given: Any = UNDEFINED
        if stdin_input:
            given = from_yaml(sys.stdin.read())
        elif input_:
            text = Path(input_).read_text(encoding="utf-8")
            given = from_json(text) if input_.endswith(".json") else from_yaml(text)
        host = Host(print=lambda text, _: printed.append(text))
        solutions = prepared.run(
            input=given, data=documents.state.snapshot, limits=Limits(seconds=timeout or None), host=host
        )
    except LoadError as e:
        if format_ == "json":
            print(presentation.dumps({"errors": [{"message": f} for f in e.faults]}))
        else:
            print(e, file=sys.stderr)
        return 2
    except RegoError as e:
        _say(printed)
        if format_ == "json":
            print(presentation.dumps({"errors": presentation.errors(e)}))
        elif format_ == "pretty":
            print(presentation.error_text(e))
        else:
            print(presentation.error_text(e), file=sys.stderr)
        return 2
    except (OSError, ValueError) as e:
        raise Fault("IE2004", f"the input cannot be read: {e}") from None
    _say(printed)
    _show(format_, solutions)
    if fail_defined:
        return 1 if solutions else 0
    return 1 if fail and not solutions else 0


def _say(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def _show(form: str, solutions: Any) -> None:
    from ..opa import presentation
    from ..rego import to_json

    match form:
        case "json":
            print(presentation.dumps(presentation.document(solutions)))
        case "pretty":
            print(presentation.pretty(solutions))
        case "values":
            for s in solutions:
                values = [e.value for e in s.expressions]
                print(to_json(values if len(values) != 1 else values, indent=2))
        case "bindings":
            for s in solutions:
                print(presentation.dumps({k: presentation.Raw(v) for k, v in s.bindings.items()}))
        case "raw":
            for s in solutions:
                print(" ".join(e.value if type(e.value) is str else to_json(e.value) for e in s.expressions))
        case _:
            pass
