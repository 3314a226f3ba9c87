"""Thirty faults that could be in the engine: each a module, a text that stands in it once, and what takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault. ``module`` is a path below the package ``rego``."""

    name: str
    module: str
    text: str
    instead: str


MUTANTS: Final = (
    # values
    Mutant(
        "true is 1", "values.py", "        return TRUE_KEY if value else FALSE_KEY\n", "        return int(value)\n"
    ),
    Mutant(
        "arrays by length first",
        "values.py",
        "        return (len(a) > len(b)) - (len(a) < len(b))\n",
        "        return (len(a) < len(b)) - (len(a) > len(b))\n",
    ),
    Mutant(
        "numbers before booleans",
        "values.py",
        "type(None): 0, bool: 1, int: 2, Num: 2,",
        "type(None): 0, bool: 2, int: 1, Num: 1,",
    ),
    Mutant("sets before objects", "values.py", "dict: 5, RegoSet: 6}", "dict: 6, RegoSet: 5}"),
    # syntax
    Mutant("a byte-order mark may stand anywhere", "syntax/lexer.py", 'if ch in "\\x00\\ufeff":', 'if ch in "\\x00":'),
    Mutant("== binds tighter than plus", "syntax/keywords.py", '"equal": 2, "neq": 2,', '"equal": 7, "neq": 2,'),
    Mutant("plus binds like times", "syntax/keywords.py", '"plus": 5, "minus": 5,', '"plus": 6, "minus": 6,'),
    # checks
    Mutant(
        "negated expressions bind",
        "check/safety.py",
        "    if expr.negated or isinstance(expr.terms, Not | LogicalAnd | LogicalOr):\n        return set()\n",
        "    if isinstance(expr.terms, Not | LogicalAnd | LogicalOr):\n        return set()\n",
    ),
    Mutant(
        "operands without braces bind",
        "check/safety.py",
        "        return dict.fromkeys(uses)\n",
        "        return {}\n",
    ),
    Mutant(
        "functions may be read as values",
        "check/type_refs.py",
        "    if isinstance(found, FunctionType):\n        shown",
        "    if False and isinstance(found, FunctionType):\n        shown",
    ),
    Mutant(
        "built-ins may be unsafe values of with",
        "check/expand.py",
        "if isinstance(value, Var) and value.name in signatures():",
        "if False:",
    ),
    Mutant(
        "a function's rule may be replaced in part",
        "check/overrides.py",
        "            if self.tree.partially_replaces(ref):\n",
        "            if False:\n",
    ),
    # plans
    Mutant(
        "the index takes prefixes for suffixes", "run/access.py", "text.startswith(wanted)", "text.endswith(wanted)"
    ),
    Mutant(
        "clock and chance are remembered with the data",
        "plan/purity.py",
        "if mockable or name in VOLATILE or signatures()[name].nondeterministic:",
        "if False:",
    ),
    Mutant(
        "what reads the input is remembered with the data",
        "plan/purity.py",
        "return isinstance(part, InputRoot) or (",
        "return False or (",
    ),
    Mutant(
        "demanded keys are compared with values",
        "plan/program.py",
        '            if letter == "b":\n                unify(planner, term, Slot(next(given)))\n',
        '            if letter == "b":\n                next(given)\n',
    ),
    Mutant(
        "only the first default counts for functions",
        "plan/program.py",
        "            default=clause(defaults[0]) if defaults else None,\n",
        '            default=clause(defaults[0]) if defaults and node.kind != "function" else None,\n',
    ),
    Mutant(
        "operands of functions are no patterns",
        "plan/program.py",
        "                unify(planner, term, Slot(reg))\n",
        "                pass\n",
    ),
    Mutant("sets are gone through in any order", "plan/trim.py", "ordered=not unordered)", "ordered=False)"),
    # running
    Mutant(
        "every holds for what is no collection",
        "run/instructions.py",
        '        self.fail_if(f"not is_collection({source})")\n',
        "",
    ),
    Mutant(
        "false is as good as true",
        "run/instructions.py",
        '                    self.fail_if(f"{self.operand(a)} is False")\n',
        "                    pass\n",
    ),
    Mutant(
        "with stays after the expression",
        "plan/bodies.py",
        "            self._terms(expr)\n        self.state = before\n",
        "            self._terms(expr)\n",
    ),
    Mutant(
        "else runs in any case",
        "run/routines.py",
        'w.put(f"if {target} is U: {target} = {other}({params})")',
        'w.put(f"{target} = {other}({params})")',
    ),
    Mutant(
        "complete rules never conflict",
        "run/routines.py",
        " elif not equal(v, t): raise conflict(",
        " elif False: raise conflict(",
    ),
    Mutant(
        "keys of objects never conflict",
        "run/access.py",
        "    elif not equal(there, value):\n        raise conflict(UNIQUE, location)\n",
        "",
    ),
    Mutant(
        "what replaces a function calls itself",
        "run/state.py",
        "        new.mocks = None\n        return new\n",
        "        return new\n",
    ),
    # built-ins
    Mutant("division cuts off", "builtins/arithmetic.py", "and x and x % y == 0:\n", "and x:\n"),
    Mutant(
        "remainders have the divisor's sign",
        "builtins/arithmetic.py",
        "    return -left if i < 0 else left\n",
        "    return i % j\n",
    ),
    Mutant(
        "regular expressions match the whole text",
        "builtins/regex.py",
        "    return compiled(p).search(text) is not None\n",
        "    return compiled(p).fits(text)\n",
    ),
    Mutant(
        "split_n counts from the wrong end",
        "builtins/strings.py",
        "        return parts[:size]\n",
        "        return parts[size:]\n",
    ),
    Mutant(
        "pre-releases come after releases",
        "builtins/semver.py",
        "        return bool(b[1]) - bool(a[1])\n",
        "        return bool(a[1]) - bool(b[1])\n",
    ),
    Mutant(
        "globs match in the middle",
        "builtins/glob.py",
        ".fits(sound(text))",
        ".search(sound(text)) is not None",
    ),
)
LEAST: Final = 27 / 30
"""The share of the faults that the quick suites have to notice."""
