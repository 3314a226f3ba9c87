"""Runs the `test_` rules of compiled policies with our own engine."""

from collections.abc import Iterator

from image_enforcer import rego


def names_of(policy: rego.Policy) -> frozenset[str]:
    """The paths of all test rules, such as `data.a_test.test_b`."""
    return frozenset(
        f"data.{'.'.join(module.package.names)}.{rule.head.name}"
        for module in policy.modules.values()
        for rule in module.rules
        if rule.head.name.startswith("test_")
    )


def failing(policy: rego.Policy) -> Iterator[str]:
    """The tests that do not hold, a package at a time: undefined, false and in error alike."""
    wanted = names_of(policy)
    for package in sorted({path.rpartition(".")[0] for path in wanted}):
        names = {path.rpartition(".")[2] for path in wanted if path.rpartition(".")[0] == package}
        try:
            document = policy.prepare(package).value(data={})
        except rego.EvalError as error:
            yield f"{package}: {error}"
            continue
        if not isinstance(document, dict):
            yield package
            continue
        yield from sorted(f"{package}.{name}" for name in names if document.get(name) is not True)
