"""What is shown of how queries were answered, as OPA 1.22.2 shows it."""

from typing import Final

TRACES: Final[dict[str, tuple[list[str], list[str], str]]] = {
    "a set, and a member of it": (
        ["s contains x if { some x in [1, 2, 2] }"],
        ["trace", "s[2]"],
        """\
query:1     Enter data.repl.s[2] = _
query:1     | Eval data.repl.s[2] = _
query:1     | Index data.repl.s (matched 1 rule)
query:1     | Enter data.repl.s
query:1     | | Eval __local3__ = [1, 2, 2]
query:1     | | Eval x = __local3__[__local0__]
query:1     | | Exit data.repl.s
query:1     | Redo data.repl.s
query:1     | | Redo x = __local3__[__local0__]
query:1     | | Exit data.repl.s
query:1     | | Duplicate data.repl.s
query:1     | Redo data.repl.s
query:1     | | Redo x = __local3__[__local0__]
query:1     | | Redo __local3__ = [1, 2, 2]
query:1     | Exit data.repl.s[2] = _
query:1     Redo data.repl.s[2] = _
query:1     | Redo data.repl.s[2] = _
2
""",
    ),
    "a negated expression": (
        ["s contains x if { some x in [1] }", "n if not s[3]"],
        ["trace", "n"],
        """\
query:1     Enter data.repl.n = _
query:1     | Eval data.repl.n = _
query:1     | Index data.repl.n (matched 1 rule, early exit)
query:1     | Enter data.repl.n
query:1     | | Eval not data.repl.s[3]
query:1     | | Enter data.repl.s[3]
query:1     | | | Eval data.repl.s[3]
query:1     | | | Index data.repl.s (matched 1 rule)
query:1     | | | Enter data.repl.s
query:1     | | | | Eval __local3__ = [1]
query:1     | | | | Eval x = __local3__[__local0__]
query:1     | | | | Fail x = __local3__[__local0__]
query:1     | | | | Redo __local3__ = [1]
query:1     | | | Fail data.repl.s[3]
query:1     | | Exit data.repl.n early
query:1     | Exit data.repl.n = _
query:1     Redo data.repl.n = _
query:1     | Redo data.repl.n = _
query:1     | Redo data.repl.n
true
""",
    ),
    "every": (
        ['e if { every k, v in {"a": 1} { v > 1; k == "a" } }'],
        ["trace", "e"],
        """\
query:1     Enter data.repl.e = _
query:1     | Eval data.repl.e = _
query:1     | Index data.repl.e (matched 1 rule, early exit)
query:1     | Enter data.repl.e
query:1     | | Eval __local2__ = {"a": 1}
query:1     | | Eval every k, v in __local2__ { gt(v, 1); k = "a" }
query:1     | | Enter every k, v in __local2__ { gt(v, 1); k = "a" }
query:1     | | | Eval __local2__[k] = v
query:1     | | | Enter gt(v, 1); k = "a"
query:1     | | | | Eval gt(v, 1)
query:1     | | | | Fail gt(v, 1)
query:1     | | | Redo every k, v in __local2__ { gt(v, 1); k = "a" }
query:1     | | | Redo __local2__[k] = v
query:1     | | | Fail every k, v in __local2__ { gt(v, 1); k = "a" }
query:1     | | Fail every k, v in __local2__ { gt(v, 1); k = "a" }
query:1     | | Redo __local2__ = {"a": 1}
query:1     | Fail data.repl.e = _
undefined
""",
    ),
    "a comprehension": (
        ["c := [x | some x in [1, 2]; x > 1]"],
        ["trace", "c"],
        """\
query:1     Enter data.repl.c = _
query:1     | Eval data.repl.c = _
query:1     | Index data.repl.c (matched 1 rule)
query:1     | Enter data.repl.c
query:1     | | Eval __local4__ = [x | __local3__ = [1, 2]; x = __local3__[__local0__]; gt(x, 1)]
query:1     | | Enter __local3__ = [1, 2]; x = __local3__[__local0__]; gt(x, 1)
query:1     | | | Eval __local3__ = [1, 2]
query:1     | | | Eval x = __local3__[__local0__]
query:1     | | | Eval gt(x, 1)
query:1     | | | Fail gt(x, 1)
query:1     | | | Redo x = __local3__[__local0__]
query:1     | | | Eval gt(x, 1)
query:1     | | | Exit __local3__ = [1, 2]; x = __local3__[__local0__]; gt(x, 1)
query:1     | | Redo __local3__ = [1, 2]; x = __local3__[__local0__]; gt(x, 1)
query:1     | | | Redo gt(x, 1)
query:1     | | | Redo x = __local3__[__local0__]
query:1     | | | Redo __local3__ = [1, 2]
query:1     | | Exit data.repl.c
query:1     | Exit data.repl.c = _
query:1     Redo data.repl.c = _
query:1     | Redo data.repl.c = _
query:1     | Redo data.repl.c
query:1     | | Redo __local4__ = [x | __local3__ = [1, 2]; x = __local3__[__local0__]; gt(x, 1)]
[
  2
]
""",
    ),
    "branches and with": (
        ["el := 1 if { input.a == 2 } else := 2 if { input.a == 3 } else := 4"],
        ["trace", "el", 'el with input as {"a": 3}'],
        """\
query:1     Enter data.repl.el = _
query:1     | Eval data.repl.el = _
query:1     | Index data.repl.el (matched 1 rule, early exit)
query:1     | Enter data.repl.el
query:1     | | Eval true
query:1     | | Exit data.repl.el early
query:1     | Exit data.repl.el = _
query:1     Redo data.repl.el = _
query:1     | Redo data.repl.el = _
query:1     | Redo data.repl.el
query:1     | | Redo true
4
query:1     Enter data.repl.el = _ with input as {"a": 3}
query:1     | Eval data.repl.el = _ with input as {"a": 3}
query:1     | Index data.repl.el (matched 1 rule)
query:1     | Enter data.repl.el
query:1     | | Eval input.a = 3
query:1     | | Exit data.repl.el
query:1     | Exit data.repl.el = _ with input as {"a": 3}
query:1     Redo data.repl.el = _ with input as {"a": 3}
query:1     | Redo data.repl.el = _ with input as {"a": 3}
query:1     | Redo data.repl.el
query:1     | | Redo input.a = 3
2
""",
    ),
    "a function, its default and one in its place": (
        ["default f(_) := 7", "f(x) := y if { x > 1; y := x + 1 }", "m if { f(1) == 5 with f as 5 }"],
        ["trace", "f(3)", "f(0)", "m"],
        """\
query:1     Enter data.repl.f(3, _)
query:1     | Eval data.repl.f(3, _)
query:1     | Index data.repl.f (matched 1 rule)
query:1     | Enter data.repl.f
query:1     | | Eval gt(x, 1)
query:1     | | Eval plus(x, 1, __local2__)
query:1     | | Eval y = __local2__
query:1     | | Exit data.repl.f
query:1     | Exit data.repl.f(3, _)
query:1     Redo data.repl.f(3, _)
query:1     | Redo data.repl.f(3, _)
query:1     | Redo data.repl.f
query:1     | | Redo y = __local2__
query:1     | | Redo plus(x, 1, __local2__)
query:1     | | Redo gt(x, 1)
4
query:1     Enter data.repl.f(0, _)
query:1     | Eval data.repl.f(0, _)
query:1     | Index data.repl.f (matched 1 rule)
query:1     | Enter data.repl.f
query:1     | | Eval gt(x, 1)
query:1     | | Fail gt(x, 1)
query:1     | Fail data.repl.f(0, _)
undefined
query:1     Enter data.repl.m = _
query:1     | Eval data.repl.m = _
query:1     | Index data.repl.m (matched 1 rule, early exit)
query:1     | Enter data.repl.m
query:1     | | Eval data.repl.f(1, __local3__) with data.repl.f as 5
query:1     | | Eval __local3__ = 5 with data.repl.f as 5
query:1     | | Exit data.repl.m early
query:1     | Exit data.repl.m = _
query:1     Redo data.repl.m = _
query:1     | Redo data.repl.m = _
query:1     | Redo data.repl.m
query:1     | | Redo __local3__ = 5 with data.repl.f as 5
query:1     | | Redo data.repl.f(1, __local3__) with data.repl.f as 5
true
""",
    ),
    "rules that stop at the first answer": (
        ["p if { some x in [1, 2]; q }", "q if { some y in [1, 2]; y > 0 }"],
        ["trace", "p"],
        """\
1 error occurred: 1:1: rego_unsafe_var_error: var p is unsafe
""",
    ),
    "an object by key": (
        ['o[k] := v if { some k, v in {"a": 1, "b": 2} }'],
        ["trace", "o.a", "o[k]"],
        """\
query:1     Enter data.repl.o.a = _
query:1     | Eval data.repl.o.a = _
query:1     | Index data.repl.o (matched 1 rule)
query:1     | Enter data.repl.o
query:1     | | Eval __local2__ = {"a": 1, "b": 2}
query:1     | | Eval v = __local2__[k]
query:1     | | Exit data.repl.o
query:1     | Redo data.repl.o
query:1     | | Redo v = __local2__[k]
query:1     | | Redo __local2__ = {"a": 1, "b": 2}
query:1     | Exit data.repl.o.a = _
query:1     Redo data.repl.o.a = _
query:1     | Redo data.repl.o.a = _
1
query:1     Enter data.repl.o[k] = _; _
query:1     | Eval data.repl.o[k] = _
query:1     | Index data.repl.o (matched 1 rule)
query:1     | Enter data.repl.o
query:1     | | Eval __local2__ = {"a": 1, "b": 2}
query:1     | | Eval v = __local2__[k]
query:1     | | Exit data.repl.o
query:1     | Redo data.repl.o
query:1     | | Redo v = __local2__[k]
query:1     | | Exit data.repl.o
query:1     | Redo data.repl.o
query:1     | | Redo v = __local2__[k]
query:1     | | Redo __local2__ = {"a": 1, "b": 2}
query:1     | Eval _
query:1     | Exit data.repl.o[k] = _; _
query:1     Redo data.repl.o[k] = _; _
query:1     | Redo _
query:1     | Redo data.repl.o[k] = _
query:1     | Eval _
query:1     | Exit data.repl.o[k] = _; _
query:1     Redo data.repl.o[k] = _; _
query:1     | Redo _
query:1     | Redo data.repl.o[k] = _
┌──────┬─────┐
│ o[k] │  k  │
├──────┼─────┤
│ 1    │ "a" │
│ 2    │ "b" │
└──────┴─────┘
""",
    ),
    "what is said": (
        ['t if { trace("hello"); input.x }'],
        ["notes", "t", "notes"],
        """\
undefined
""",
    ),
    "what fails": (
        ['t if { trace("hello"); 1 > 2 }'],
        ["fails", "t"],
        """\
query:1     Enter data.repl.t = _
query:1     | Enter data.repl.t
query:1     | | Fail gt(1, 2)
query:1     | Fail data.repl.t = _
undefined
""",
    ),
    "everything": (
        ["a := [1, 2]", "u := v if { [v, 2] = a }"],
        ["trace debug", "u"],
        """\
query:1     Enter data.repl.u = _
query:1     | Eval data.repl.u = _
query:1     | Unify data.repl.u = _
query:1     | Index data.repl.u (matched 1 rule)
query:1     | Enter data.repl.u
query:1     | | Eval [v, 2] = data.repl.a
query:1     | | Unify [v, 2] = data.repl.a
query:1     | | Index data.repl.a (matched 1 rule, early exit)
query:1     | | Enter data.repl.a
query:1     | | | Eval true
query:1     | | | Unify true = _
query:1     | | | Exit data.repl.a early
query:1     | | Unify [1, 2] = [v, 2]
query:1     | | Unify 1 = v
query:1     | | Unify 2 = 2
query:1     | | Exit data.repl.u
query:1     | Unify 1 = _
query:1     | Exit data.repl.u = _
query:1     Redo data.repl.u = _
query:1     | Redo data.repl.u = _
query:1     | Redo data.repl.u
query:1     | | Redo [v, 2] = data.repl.a
query:1     | | Redo data.repl.a
query:1     | | | Redo true
1
""",
    ),
}
"""Definitions, lines and their answers, by what they are about."""
