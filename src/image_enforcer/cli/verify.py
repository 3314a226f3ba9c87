"""``verify``: the decision that ``serve`` would make, about images or about those in manifests."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from .facts import check_registry
from .faults import Fault, error_text, say
from .known import Known, Told, opened, patience
from .platforms import platforms

if TYPE_CHECKING:
    from ..ports.policy import PolicyEngine
    from .outputs.report import Report, Trouble
    from .verdicts import Subject

Flag = Annotated[bool, Parameter(negative=())]
Many = Annotated[tuple[str, ...], Parameter(consume_multiple=False)]
MAX_OUTPUTS: Final = 20
DEFAULTS: Final = ("policies", "data")
"""What is looked for in the current directory where no policy is named."""


def verify(
    *image: str,
    filename: Annotated[
        tuple[str, ...], Parameter(name=["--filename", "-f"], consume_multiple=False, allow_leading_hyphen=True)
    ] = (),
    namespace: Annotated[str | None, Parameter(name=["--namespace", "-n"])] = None,
    policy: Many = (),
    data: Many = (),
    facts: str | None = None,
    facts_require: Literal["scanned", "resolved", "nothing"] = "scanned",
    facts_registry: str = "docker.io",
    platform: Many = (),
    resolve: Flag = False,
    settings: str | None = None,
    resolve_timeout: str | None = None,
    output: Annotated[tuple[str, ...], Parameter(name=["--output", "-o"], consume_multiple=False)] = (),
    fail_on: Literal["deny", "none"] = "deny",
    allow_empty: Flag = False,
    color: Literal["auto", "always", "never"] = "auto",
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative=())] = False,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative=())] = False,
) -> int:
    """Decide about images, or about those in manifests, as serve would.

    Manifests are YAML or JSON: Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job,
    CronJob, PodTemplate, lists of them, and ImageReview, which is judged as it is. All their images are judged: those
    of containers, init containers, ephemeral containers and image volumes.

    Parameters
    ----------
    image
        images to decide about
    filename
        a file with manifests, a directory with such files (.yaml, .yml, .json) below it, or - for standard input;
        repeatable
    namespace
        the namespace of images, by default none, and of objects that name none, by default "default"
    policy
        a file or directory with policies, repeatable, or the address of an OPA server, http://host:port, alone; by
        default the directories policies and data of the current one
    data
        a file or directory with base documents; repeatable
    facts
        a copy of a worker's facts, which image-enforcer pull makes: images of which not all is known are undecided
    facts_require
        what has to be known of an image: scanned, resolved or nothing
    facts_registry
        the one registry that data.docker.layers is about, for policies that read it; as for serve
    platform
        a platform that there are nodes of, linux/amd64, say; repeatable. What an image has for others is left out of
        the facts; without, everything that it has must be known
    resolve
        ask the images' registries what their tags point to now, and look up what is known of that among the facts
    settings
        with --resolve, a YAML file with registries, as sync and worker read it: addresses, authorities, credentials
    resolve_timeout
        with --resolve, how long all registries together may take, by default 30s; what they have not said by then is
        undecided
    output
        FORMAT or FORMAT=FILE, repeatable: pretty, json, yaml, sarif, junit, github, tap, table, or name, which lists
        the images that are not allowed; standard output always has a format, pretty unless another is given
    fail_on
        none: exit with 0 where images are denied; what could not be checked or decided still fails
    allow_empty
        do not fail where there is no image to check
    color
        colours on standard output: auto is on a terminal, unless NO_COLOR is set or TERM is dumb
    quiet
        leave out what is allowed, and the counts
    verbose
        say also which policy decided, and how many objects carry no images
    """
    from .outputs import Style, render

    targets = _targets(output)
    if resolve and facts is None:
        raise Fault("IE2003", "--resolve needs --facts: registries know what tags point to, and nothing of scans")
    if settings is not None and not resolve:
        raise Fault("IE2003", "--settings is about registries, which only --resolve asks", hint="--resolve")
    check_registry(facts_registry)
    if resolve_timeout is not None and not resolve:
        raise Fault("IE2003", "--resolve-timeout is about registries, which only --resolve asks", hint="--resolve")
    known = None
    if facts is not None:
        if "://" in facts:
            hint = f"image-enforcer pull --once --to facts.db {facts}, and then --facts facts.db"
            raise Fault("IE2003", "--facts of verify is a file; only serve takes a worker's address", hint=hint)
        registries = None if settings is None else Path(settings)
        known = Known(
            place=Path(facts), require=facts_require, settings=registries, nodes=platforms(platform),
            registry=facts_registry, resolve=patience(resolve_timeout) if resolve else None,
        )  # fmt: skip
    report = _report(image, filename, namespace, policy, data, fail_on == "deny", allow_empty, known)
    for trouble in report.troubles:
        say(error_text(trouble.code, trouble.text, at=_at(trouble), hint=trouble.hint))
    faults: list[Fault] = []
    for form, file in targets:
        if not file:
            style = Style(colour=_coloured(color), quiet=quiet, verbose=verbose)
            sys.stdout.write(render(form, report, style))
            continue
        try:
            from .files import write

            write(Path(file), render(form, report, Style(verbose=verbose)).encode("utf-8", "backslashreplace"))
        except (OSError, ValueError) as e:
            reason = getattr(e, "strerror", None) or str(e)
            faults.append(Fault("IE2030", f"{file}: the {form} output cannot be written: {reason}"))
    if os.environ.get("GITHUB_ACTIONS") == "true" and not {"github", "sarif"} & {form for form, _ in targets}:
        say("note: -o github marks the lines of a change, -o sarif=FILE is for code scanning")
    for fault in faults:
        fault.show()
    return 2 if faults else report.exit_code


def _targets(output: tuple[str, ...]) -> list[tuple[str, str]]:
    """Formats and files; an empty file is standard output, which always has one format."""
    from difflib import get_close_matches

    from .outputs import FORMATS

    targets: list[tuple[str, str]] = []
    for given in output:
        form, equals, file = given.partition("=")
        if form not in FORMATS:
            close = get_close_matches(form, FORMATS, 1)
            hint = f"did you mean {close[0]!r}?" if close else "one of " + ", ".join(FORMATS)
            raise Fault("IE2003", f"--output {form!r} is no format", hint=hint)
        if equals and not file:
            raise Fault("IE2003", f"--output {given!r} names no file", hint=f"-o {form}=FILE, or -o {form}")
        if any(file == other for _, other in targets):
            what = f"the file {file}" if file else "standard output"
            raise Fault("IE2003", f"two outputs for {what}", hint=f"-o {form}=FILE writes to a file of its own")
        targets.append((form, file))
    if len(targets) > MAX_OUTPUTS:
        raise Fault("IE2003", f"more than {MAX_OUTPUTS} outputs")
    return targets if any(not file for _, file in targets) else [("pretty", ""), *targets]


def _report(
    images: tuple[str, ...], files: tuple[str, ...], namespace: str | None, policies: tuple[str, ...],
    data: tuple[str, ...], fail_on_deny: bool, allow_empty: bool, facts: Known | None,
) -> Report:  # fmt: skip
    """Everything that can be found out; whatever goes wrong is in the report."""
    with ExitStack() as until:
        return _found(images, files, namespace, policies, data, fail_on_deny, allow_empty, facts, until)


def _found(
    images: tuple[str, ...], files: tuple[str, ...], namespace: str | None, policies: tuple[str, ...],
    data: tuple[str, ...], fail_on_deny: bool, allow_empty: bool, facts: Known | None, until: ExitStack,
) -> Report:  # fmt: skip
    """The same, with what has to be given back until then."""
    from ..services.decide import asking
    from .outputs.report import Report, Result, Trouble
    from .shown import line
    from .subjects import of_files, of_images
    from .verdicts import Judge

    told = None if facts is None else opened(facts, until)
    engine = _engine(policies, data, told)
    if isinstance(engine, Trouble):
        return Report(troubles=(engine,), fail_on_deny=fail_on_deny)
    results: list[Result] = []
    troubles: list[Trouble] = []
    others: Counter[str] = Counter()

    def read() -> Iterator[Subject | Trouble]:
        yield from of_images(images, namespace or "")
        yield from of_files(files, "default" if namespace is None else namespace, others)

    if facts is not None and told is not None and (missing := told.informing.missing()):
        hint = f"image-enforcer pull --once --to {facts.place} URL"
        return Report(troubles=(Trouble(code="IE2023", text=missing, hint=hint),), fail_on_deny=fail_on_deny)
    judge = Judge(asking(engine), time.perf_counter, None if told is None else told.informing.inform)
    subjects: Iterable[Subject | Trouble] = read()
    if told is not None and told.ask is not None:
        subjects = list(subjects)  # so that no registry is waited for more than once
        told.ask(image for subject in subjects if not isinstance(subject, Trouble) for image in subject.images)
    with _Progress() as progress:
        for subject in subjects:
            found = subject if isinstance(subject, Trouble) else judge.judge(subject)
            if isinstance(found, Trouble):
                troubles.append(found)
            else:
                results += found
            progress.show(len(results))
    if not results and not troubles and not allow_empty:
        passed = f"; {sum(others.values())} objects carry no Pods" if others else ""
        hint = "name images, or manifests with -f; --allow-empty accepts that there are none"
        troubles.append(Trouble(code="IE2021", text=f"nothing was checked: there is no image{passed}", hint=hint))
    revision = engine.revision()
    return Report(
        results=tuple(results), troubles=tuple(troubles),
        others=Counter({line(kind, 80): count for kind, count in others.items()}),
        policy=revision.policy, data=revision.data, fail_on_deny=fail_on_deny,
    )  # fmt: skip


def _engine(policies: tuple[str, ...], data: tuple[str, ...], told: Told | None) -> PolicyEngine | Trouble:
    """The engine, or why there is none that could answer any review."""
    from .. import settings, wiring
    from ..domain.errors import EnforcerError
    from .outputs.report import Trouble
    from .shown import block

    if not policies:
        found = [name for name in DEFAULTS if Path(name).is_dir()]
        if DEFAULTS[0] not in found:
            hint = "image-enforcer init DIR writes policies to begin with; --policy names yours"
            return Trouble(
                code="IE2006", text="no policy is named, and there is no directory 'policies' here", hint=hint
            )
        policies = (DEFAULTS[0],)
        if not data and DEFAULTS[1] in found and told is None:
            data = (DEFAULTS[1],)
        say(f"note: policies and data are those of the current directory: {', '.join((*policies, *data))}")
    source = settings.PolicySource(policies=policies, data=data)
    try:
        engine = wiring.policy_engine(source, None if told is None else told.documents)
    except EnforcerError as e:
        return Trouble(code="IE2006", text=block(str(e), ""))
    for notice in wiring.notices(engine):
        say(f"note: {notice}")
    missing = "" if source.remote else engine.ready()
    if missing:
        return Trouble(code="IE2007", text=missing, hint="load a policy that defines the entry point")
    return engine


def _at(trouble: Trouble) -> str:
    return "  ".join(part for part in (trouble.place.point, trouble.place.resource) if part)


def _coloured(wish: str) -> bool:
    if wish != "auto":
        return wish == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _Progress:
    """A line on a terminal's standard error, once it takes longer than half a second."""

    def __init__(self) -> None:
        self._due = time.monotonic() + 0.5 if sys.stderr is not None and sys.stderr.isatty() else float("inf")
        self._shown = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            say("\r\x1b[K", end="")

    def show(self, images: int) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due, self._shown = now + 0.2, True
            say(f"\r{images} images", end="")
