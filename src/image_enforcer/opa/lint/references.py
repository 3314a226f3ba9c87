"""Image references taken apart or compared as if they were plain texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from ...rego.check.visit import operator_name
from ...rego.syntax.nodes import Array, Call, Ref, Scalar, Term, Var
from ...rego.syntax.printer import term_text
from .images import Images
from .policies import Called, Policies, Site, calls, equation, everything, sites_of, text

Found: TypeAlias = "Iterator[tuple[str, object, str]]"
"""The code of a rule, the node that it is about, and the message."""

SEPARATORS: Final = (":", "/", "@")
PARTS_END: Final = ("/", ":", "@")
"""What a prefix ends with that no other name can go on behind."""
_NAME: Final = re.compile(r"(?<![\\a-z])[a-z]{2,}")
UPPER_DIGEST: Final = re.compile(r"sha(?:256|384|512):[0-9a-f]*[A-F]")


def find(policies: Policies) -> Found:
    """Every place."""
    for policy in policies.rules:
        images = Images.of(policies, policy)
        for node in everything(policy):
            if isinstance(node, Ref):
                yield from _indexed(images, node)
        for site in sites_of(policy):
            yield from _destructured(images, site)
            yield from _digests(images, site)
            for call in calls(site.expr):
                check = CHECKS.get(call.name)
                if check is not None:
                    yield from check(policies, images, site, call)


# --- taking apart --------------------------------------------------------------------------------


def _split(images: Images, term: Term) -> str | None:
    """The separator where a term is an image reference split at it."""
    if not isinstance(term, Call) or operator_name(term.operator) != "split" or len(term.args) != 2:
        return None
    separator = text(term.args[1])
    operand = term.args[0]
    known = images.is_image(operand) or (isinstance(operand, Var) and operand.name in images.parts)
    return separator if separator in SEPARATORS and known else None


def _destructured(images: Images, site: Site) -> Found:
    found = equation(site.expr)
    if found is None:
        return
    _, left, right = found
    for pattern, other in ((left, right), (right, left)):
        separator = _split(images, other)
        if isinstance(pattern, Array) and separator is not None:
            what = f"split at {separator!r} into exactly {len(pattern.items)} parts"
            yield "IL101", site.expr, f"{what}: images that have another number of them fall out here"


def _indexed(images: Images, node: Ref) -> Found:
    """``split(image, ":")[1]``, as it is parsed: a reference whose head is a call."""
    if not isinstance(node.head, Call):
        return
    separator = _split(images, node.head)
    step = node.path[0] if node.path else None
    if separator is None or not isinstance(step, Scalar) or separator == "@":
        return
    if separator == ":":
        text_ = f"part {step.value} behind ':' is no tag where the registry has a port or there is a digest"
    else:
        text_ = f"part {step.value} of {term_text(node.head.args[0])} is no registry where none is written"
    yield "IL102", node, text_


# --- comparing -----------------------------------------------------------------------------------


def _prefix(policies: Policies, images: Images, site: Site, call: Called) -> Found:
    if len(call.args) < 2 or not images.is_image(call.args[0]) or not policies.lets_pass(site):
        return
    wanted = call.args[1]
    values = images.elements(wanted) if call.name.startswith("strings.") else images.values(wanted)
    values = values or images.values(wanted)
    for value in values:
        if value and not value.endswith(PARTS_END):
            end = f"{value!r} is also what {f'{value}.evil.example/x'!r} begins with"
            yield "IL103", call.node, end
            return


def _anywhere(policies: Policies, images: Images, site: Site, call: Called) -> Found:
    if len(call.args) < 2 or not images.is_image(call.args[0]):
        return
    for value in images.values(call.args[1]):
        if value == ":":
            yield "IL106", call.node, "':' is also in front of a registry's port and in a digest"
            return
        if _NAME.search(value) and "@" not in value and policies.lets_pass(site):
            yield "IL104", call.node, f"{value!r} may stand anywhere in the name, also in one that somebody else chose"
            return


def _suffix(policies: Policies, images: Images, site: Site, call: Called) -> Found:
    if len(call.args) < 2 or not images.is_image(call.args[0]):
        return
    for value in images.values(call.args[1]):
        if value.lower() in (":latest", "latest"):
            yield "IL105", call.node, "an image without a tag is latest too, and so is one with a digest behind it"
            return
        if _NAME.search(value) and not value.startswith((":", "@")) and policies.lets_pass(site):
            yield "IL104", call.node, f"{value!r} may end any name, also one that somebody else chose"
            return


def _regex(policies: Policies, images: Images, site: Site, call: Called) -> Found:
    if len(call.args) < 2 or not images.is_image(call.args[1]) or not policies.lets_pass(site):
        return
    for pattern in images.values(call.args[0]):
        open_ = _open_ends(pattern)
        if open_:
            yield "IL107", call.node, f"the pattern {pattern!r} {open_}"
            return


def _open_ends(pattern: str) -> str:
    """What is wrong with a pattern that must describe all of a reference."""
    if pattern.startswith((":", "@")) or not _NAME.search(pattern):
        return ""  # asks for a tag or a digest, not for a name
    alternatives = _alternatives(pattern)
    if any(not a.startswith(("^", r"\A", "(?i)^")) for a in alternatives):
        return "is not anchored: it may match anywhere in the reference (begin it with ^)"
    host = re.match(r"\^(?:\(\?:)?[a-z0-9-]+(?:(\\?\.)[a-z0-9-]+)+", pattern)
    if host is not None and re.search(r"(?<!\\)\.[a-z0-9]", host.group()):
        return r"has a bare dot, which stands for any character (write \.)"
    ends = all(a.endswith(("$", r"\z", "/", "/.*", "/.+")) for a in alternatives)
    return "" if ends else "is open at its end: other names may go on behind it (end it with $ or with /)"


def _alternatives(pattern: str) -> list[str]:
    """The alternatives of a pattern at its top."""
    found, depth, at = [""], 0, 0
    while at < len(pattern):
        c = pattern[at]
        if c == "\\":
            found[-1] += pattern[at : at + 2]
            at += 2
            continue
        depth += (c in "([") - (c in ")]")
        if c == "|" and depth <= 0:
            found.append("")
        else:
            found[-1] += c
        at += 1
    return found


def _glob(policies: Policies, images: Images, site: Site, call: Called) -> Found:
    if len(call.args) < 3 or not images.is_image(call.args[2]) or not policies.lets_pass(site):
        return
    delimiters = call.args[1]
    patterns = images.values(call.args[0])
    if patterns and not any("*" in p.replace("**", "") for p in patterns):
        return
    if isinstance(delimiters, Scalar) and delimiters.value is None:
        yield "IL108", call.node, "without delimiters * matches everything, slashes and colons too"
    elif isinstance(delimiters, Array) and not any(text(d) == "/" for d in delimiters.items):
        shown = "[] stands for ['.']" if not delimiters.items else f"{term_text(delimiters)} lacks '/'"
        yield "IL108", call.node, f"* goes across slashes here: {shown}"


# --- upper and lower case ------------------------------------------------------------------------


def _digests(images: Images, site: Site) -> Found:
    found = equation(site.expr)
    if found is None or found[0] == "assign":
        return
    for one, other in (found[1:], found[:0:-1]):
        value = text(one)
        if value is not None and UPPER_DIGEST.search(value):
            yield "IL109", site.expr, "digests are written in lower case: nothing is equal to this one"
        if isinstance(other, Call) and operator_name(other.operator) in ("lower", "upper") and value is not None:
            yield from _folded(images, site, other)


def _folded(images: Images, site: Site, call: Call) -> Found:
    operand = call.args[0] if call.args else None
    named = isinstance(operand, Var) and operand.name in ("tag", "digest")
    last = operand.path[-1] if isinstance(operand, Ref) and operand.path else None
    named = named or text(last) in ("tag", "digest")
    if operand is not None and (named or images.is_image(operand)):
        yield "IL109", site.expr, "tags differ in case, so what was compared is not what will be pulled"


Check: TypeAlias = Callable[[Policies, Images, Site, Called], Found]

CHECKS: Final[Mapping[str, Check]] = {
    "startswith": _prefix,
    "strings.any_prefix_match": _prefix,
    "contains": _anywhere,
    "endswith": _suffix,
    "strings.any_suffix_match": _suffix,
    "regex.match": _regex,
    "glob.match": _glob,
}
