"""What the planner of a body knows of everything else: documents, functions, built-ins, what ``with`` replaces."""

from __future__ import annotations

from collections.abc import Mapping

from ..records import field, record
from ..signatures import signatures
from ..syntax import nodes as ast
from ..values import Value, equal, step_key
from .documents import Node
from .savings import ALL, Savings
from .wanted import Wanted


@record(slots=True)
class World:
    """The documents of a program, and the demands on them that its bodies make."""

    root: Node
    documents: list[Node]
    mocked: frozenset[str] = frozenset()
    """Names of the functions and built-ins that some ``with`` replaces."""
    targets: frozenset[tuple[Value, ...]] = frozenset()
    """Paths below ``data`` that some ``with`` replaces."""
    demands: dict[tuple[int, str], None] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    """Functions of which some value is wanted somewhere: what they have answered is seen by all."""
    wanted: dict[str, Wanted] = field(default_factory=dict)
    """The values that are wanted of functions, by what they look like."""
    savings: Savings = ALL
    strict: bool = False
    """Whether a built-in that fails ends the evaluation."""

    def find(self, path: tuple[Value, ...]) -> Node | None:
        """The node at exactly this path."""
        node = self.root
        for step in path:
            below = node.children.get(step_key(step))
            if below is None:
                return None
            node = below
        return node

    def slot(self, doc: int) -> int:
        """The number under which a document is remembered."""
        return self.documents[doc].slot

    def is_function(self, path: tuple[Value, ...]) -> bool:
        """Whether the document at the path is a function."""
        node = self.find(path)
        return node is not None and node.kind == "function"

    def is_builtin(self, name: str) -> bool:
        """Whether OPA has a built-in of that name."""
        return name in signatures()

    def is_relation(self, name: str) -> bool:
        """Whether a built-in answers many times (``walk``)."""
        return signatures()[name].relation

    def has_result(self, name: str) -> bool:
        """Whether a built-in has a result (``print`` has none)."""
        return signatures()[name].result is not None

    def arity(self, operator: ast.Ref) -> int:
        """How many arguments a function or built-in takes."""
        head = operator.head
        if isinstance(head, ast.Var) and head.name == "data":
            node = self.find(tuple(t.value for t in operator.path if isinstance(t, ast.Scalar)))
            if node is None or not node.rules:
                return 1 << 30
            return len(node.rules[0].rule.head.args or ())
        name = ".".join([getattr(head, "name", ""), *(str(getattr(t, "value", "?")) for t in operator.path)])
        return len(signatures()[name].args)

    def replaceable(self, path: tuple[Value, ...]) -> bool:
        """Whether some ``with`` replaces the document at the path or one above it."""
        return any(path[: len(t)] == t for t in self.targets)

    def may_replace(self, path: tuple[Value, ...]) -> bool:
        """Whether some ``with`` replaces the document at the path, one above it or one below."""
        return any(all(map(equal, path, t)) for t in self.targets)

    def depth(self, node: Node) -> int:
        """How many steps below a partial document its rules go, members of sets included."""
        return max(len(r.suffix) + (1 if r.is_set else 0) for r in node.rules)

    def want(self, wanted: Wanted) -> str:
        """The mark of the forms of functions of which such a value is wanted."""
        mark = wanted.mark()
        self.wanted[mark] = wanted
        return mark

    def demand(self, node: Node, mask: str) -> None:
        """Ask for the variant of a document that knows the steps marked in the mask."""
        self.demands[(node.doc, mask)] = None


def replaced_by(
    modules: Mapping[str, ast.Module], bodies: tuple[ast.Body, ...]
) -> tuple[set[str], set[tuple[Value, ...]]]:
    """Every target of every ``with`` below ``data`` and among functions: names, and paths below ``data``."""
    names: set[str] = set()
    paths: set[tuple[Value, ...]] = set()
    for expr in _expressions(modules, bodies):
        for item in expr.withs:
            target = item.target if isinstance(item.target, ast.Ref) else ast.Ref((item.target,))
            head = getattr(target.head, "name", "")
            if head == "input":
                continue
            steps = tuple(t.value for t in target.path if isinstance(t, ast.Scalar))
            names.add(".".join([head, *(str(s) for s in steps)]))
            if head == "data":
                paths.add(steps)
    return names, paths


def _expressions(modules: Mapping[str, ast.Module], bodies: tuple[ast.Body, ...]) -> list[ast.Expr]:
    found: list[ast.Expr] = []
    todo: list[object] = list(bodies)
    for module in modules.values():
        todo.extend(module.rules)
    while todo:
        x = todo.pop()
        match x:
            case tuple():
                todo.extend(x)
            case ast.Expr():
                found.append(x)
                todo.append(x.terms)
                todo.extend(w.value for w in x.withs)
            case ast.Rule():
                todo.append(x.body)
                todo.append((x.head.args or (), x.head.key, x.head.value, x.head.ref, x.else_))
            case ast.TermExpr(term):
                todo.append(term)
            case ast.CallExpr(_, args) | ast.Call(_, args):
                todo.append(args)
            case ast.Every(k, v, domain, body):
                todo.append((k, v, domain, body))
            case ast.Not(body):
                todo.append(body)
            case ast.LogicalAnd(lhs, rhs) | ast.LogicalOr(lhs, rhs):
                todo.append((lhs, rhs))
            case ast.Ref(terms):
                todo.append(terms)
            case ast.Array(items) | ast.Set(items):
                todo.append(items)
            case ast.Object(pairs):
                todo.append(pairs)
            case ast.ArrayComprehension(term, body) | ast.SetComprehension(term, body):
                todo.append((term, body))
            case ast.ObjectComprehension(k, v, body):
                todo.append((k, v, body))
            case _:
                pass
    return found
