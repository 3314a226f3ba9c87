"""The page about limits says the figures that hold."""

from __future__ import annotations

from pathlib import Path

from image_enforcer.adapters.facts import asking as asked_worker
from image_enforcer.adapters.facts import pulling
from image_enforcer.adapters.policy import embedded
from image_enforcer.adapters.scanners import notifications
from image_enforcer.analysis import hints, manifest, reference, review, text
from image_enforcer.cli import facts, subjects
from image_enforcer.opa import code_cache, files, http_cache, http_sender
from image_enforcer.opa.rest import bodies, connection, evaluate, paths
from image_enforcer.opa.rest import run as rest
from image_enforcer.ports import store
from image_enforcer.rego import Limits, json_text, types, values
from image_enforcer.rego.builtins import (
    bigfloat,
    certificate_chains,
    certificates,
    http_options,
    keys,
    lookups,
    regex,
    web_keys,
    yaml_documents,
)
from image_enforcer.rego.builtins.graphql import functions as graphql
from image_enforcer.rego.builtins.graphql import parser as graphql_parser
from image_enforcer.rego.builtins.graphql import value_rules
from image_enforcer.rego.builtins.json_schema import reading
from image_enforcer.rego.builtins.templates import execution, literals
from image_enforcer.rego.builtins.templates import parser as template_parser
from image_enforcer.rego.plan import program
from image_enforcer.rego.syntax import cursor, module, statements
from image_enforcer.server import asked, blobs, decision_log, listening, logs, pace, protocol, run
from image_enforcer.server import facts as served
from image_enforcer.services import asking, decide, gather, handing, looking, noticing, pruning
from image_enforcer.services.allowance import BOUNDS as ASKED
from image_enforcer.settings import Bounds, PolicySource

BOUNDS = Bounds()
SECONDS = PolicySource(policies=()).seconds
UNPACKED = f"{bodies.BodyLimits().plain >> 20} MiB, {bodies.BodyLimits().unpacked >> 20} MiB unpacked"
EXPECTED = {
    "images for nodes in an index": f"{gather.MOST_PLATFORMS}",
    "facts about a review's images": f"{gather.MOST_READ >> 20} MiB",
    "layers and findings of a review's images": f"{gather.MOST_SHOWN}",
    "manifests that one look fetches, together": f"{looking.BUDGET >> 20} MiB",
    "manifests that one repository's tags reach, together": f"{looking.HEAVIEST >> 30} GiB",
    "manifests that no tag reaches any more, of all repositories together": f"{pruning.ROOM >> 30} GiB",
    "manifests that a question about one tag fetches": f"{looking.ASKED_BUDGET >> 20} MiB",
    "time of one look": f"{looking.LONGEST.total_seconds() / 60:g} m (`look_timeout`)",
    "looks under way at one registry": "three quarters of `looks_at_once`",
    "manifests that a look holds before they are recorded": f"{looking.PART >> 20} MiB, and those under way",
    "how far ahead the store puts a look or a scan off": "the longest pause, and 1 h; claims 1 day, or four times "
    "`lease`",
    "looks in a row whose worker died": "any number",
    "characters of a media type, an artifact type or a word of a platform in a manifest": f"{manifest.MAX_WORD}",
    "entries of one answer about what changed": f"{store.PART >> 20} MiB; a single entry may be more",
    "bytes of one answer that a reader takes": f"{pulling.MAX_CHANGES >> 20} MiB",
    "bytes that a reader puts into its copy at once": f"{pulling.MAX_PARTS >> 30} GiB",
    "a whole copy": f"{pulling.MAX_SNAPSHOT >> 30} GiB",
    "time for which a reader takes nothing of a whole copy or a bundle; all of it": (
        f"{served.STALLED:g} s; {served.SENDING / 60:g} min"
    ),
    "body of a registry's notification": f"{hints.MAX_BODY >> 20} MiB",
    "repositories that one names": f"{hints.MAX_REPOSITORIES}",
    "body of Clair's notification": f"{notifications.MAX_BODY >> 10} KiB",
    "notifications of Clair that wait": f"{noticing.MOST}",
    "tries to find out what one is about": (
        f"{noticing.TRIES}, pauses from {noticing.FIRST_PAUSE:g} to {noticing.LONGEST_PAUSE:g} s"
    ),
    "life of a link to a blob": f"{handing.LASTS / 3600:g} h",
    "blobs that are passed on at a time": f"{blobs.AT_ONCE}",
    "time for which nothing of a blob is taken": f"{blobs.STALL:g} s",
    "body of a review that is answered where it is read": f"{BOUNDS.quick >> 10} KiB",
    "body of a review": f"{BOUNDS.body >> 20} MiB",
    "bodies that are being received, together": f"{BOUNDS.buffered >> 20} MiB",
    "request line and headers": f"{protocol.MAX_HEAD >> 10} KiB",
    "time for a request to arrive": f"{BOUNDS.receive:g} s",
    "connections": f"{BOUNDS.connections}",
    "connections whose TLS handshake is not finished": f"{listening.HANDSHAKES}",
    "time for a TLS handshake": f"{listening.HANDSHAKE:g} s",
    "idle connection": f"{run.IDLE:g} s",
    "nesting of a document": f"{json_text.MAX_DEPTH} levels",
    "exponent of a number in a document": f"{json_text.MAX_EXPONENT}",
    "images of a review": f"{review.MAX_IMAGES}",
    "characters of an image": f"{review.MAX_IMAGE}",
    "characters of a namespace": f"{review.MAX_NAMESPACE}",
    "path of a repository in an image": f"{reference.MAX_PATH} characters",
    "time that an evaluation may hold up others": f"{BOUNDS.inline * 1000:g} ms",
    "reviews that wait for that": f"{pace.QUEUE}",
    "bodies of those reviews, together": f"{pace.HELD >> 20} MiB",
    "time that a review waits for that": f"{pace.PATIENCE:g} s",
    "time that a review waits for the worker to find out about its images": f"{facts.ASK:g} s (`--facts-ask`), and the "
    "API server's own deadline",
    "reviews that wait for that, and their bodies together": f"{asking.WAITING}, and {asking.HELD >> 20} MiB",
    "questions to it, a second": f"{asking.RATE:g}, saved up to {asking.RATE * asking.BURST:g}",
    "images of a review about which it is asked": f"{asking.MOST_IMAGES}",
    "bytes of the worker's answer": f"{asked_worker.MAX_ANSWER >> 20} MiB",
    "body of a question": f"{asked.MAX_BODY >> 10} KiB",
    "images of one": f"{asked.MOST}, of 1024 characters",
    "questions that wait for an answer": f"{asked.WAITING}",
    "time that an answer is held back": f"{asked.LONGEST:g} s",
    "look-ups a second, of all; in one repository": f"{ASKED.rate:g}, saved up to {ASKED.rate * ASKED.burst:g}; "
    f"{ASKED.rate_each:g}, saved up to {ASKED.rate_each * ASKED.burst:g}",
    "look-ups under way, of all; at one registry": f"{ASKED.at_once}; {ASKED.at_once_each}",
    "time of one look-up": f"{ASKED.longest:g} s",
    "repositories that are followed before no more are added": f"{ASKED.followed}",
    "characters of a reason": f"{text.MAX_REASON}",
    "audit annotations of an answer": f"{decide.MAX_MARKS}",
    "input in a line of the decision log": f"{decision_log.MAX_INPUT >> 10} KiB",
    "log lines that wait for a slow reader": f"{logs.BACKLOG >> 20} MiB",
    "time of one evaluation": f"{SECONDS:g} s (`--evaluation-timeout`); {Limits().seconds:g} s over REST",
    "steps of one evaluation in `serve`": f"{embedded.LIMITS.units}",
    "memory that one evaluation makes, held or dropped": f"{(embedded.LIMITS.memory or 0) >> 20} MiB",
    "digits before or behind the point of a number that is calculated with": f"{bigfloat.MAX_EXPONENT}",
    "bits of an integer": f"{values.MAX_BITS}",
    "characters of a regular expression": f"{regex.MAX_PATTERN}",
    "values that one YAML text of a policy or data file has, aliases followed": f"{yaml_documents.MAX_NODES}",
    "nesting of terms and bodies in a text": f"{cursor.MAX_DEPTH} levels",
    "operators in one chain": f"{cursor.MAX_CHAIN}",
    "`and` and `or` in one chain": f"{cursor.MAX_LOGICAL}",
    "rules of one module": f"{statements.MAX_RULES}",
    "rules of functions, for each form of result that is written out (`f(x, {1: y})`)": f"{program.MOST_FORMS}",
    "imports of one module, with its `package`": f"{statements.MAX_RULES}",
    "parse errors shown of one text": f"{module.MAX_PROBLEMS}",
    "parts of a type that are looked at": f"{types.MAX_WEIGHT}",
    "values of the policy's answer": f"{embedded.MAX_VALUES}",
    "bits of an RSA key that is computed with": f"{keys.MAX_KEY_BITS}",
    "certificates in one text": f"{certificates.MAX_CERTIFICATES}",
    "keys in a set of web keys": f"{web_keys.MAX_KEYS}",
    "signatures checked for one chain of certificates": f"{certificate_chains.MAX_CHECKS}",
    "time of one request with its redirects": f"{http_options.MOST_SECONDS:g} s",
    "redirects of one request": f"{http_sender.MOST_REDIRECTS}",
    "tries after the first": f"{http_options.MOST_TRIES}",
    "headers of an answer over HTTP": f"{http_sender.MOST_HEADERS >> 10} KiB",
    "body of an answer over HTTP": f"{http_sender.MOST_BODY >> 20} MiB",
    "answers kept between queries": f"{http_cache.MOST_BYTES >> 20} MiB, {http_cache.MOST_ANSWERS} answers",
    "time of a look-up of a name": f"{lookups.SECONDS:g} s",
    "nesting of a JSON schema, references followed": f"{reading.MAX_DEPTH} levels",
    "nesting of GraphQL selections, values and types": f"{graphql_parser.MAX_DEPTH} levels",
    "digits of a GraphQL number with a point": f"{value_rules.LONGEST_FLOAT}",
    "characters of a GraphQL schema that is kept between evaluations": f"{graphql.MAX_KEPT}, of 8 schemas",
    "nesting of actions and parentheses in a template": f"{template_parser.MAX_DEPTH} levels",
    "templates that call one another": f"{execution.MAX_DEPTH} levels",
    "digits of a number in a template": f"{literals.LONGEST}",
    "one file with policies or data": f"{files.MAX_FILE >> 20} MiB",
    "all files of one load": f"{files.MAX_TOTAL >> 20} MiB",
    "names below one directory": f"{files.MAX_ENTRIES}",
    "directories inside each other": f"{files.MAX_DEPTH}",
    "object in a JSON file that is decoded at once": f"{json_text.LARGE_OBJECT >> 20} MiB",
    "compiled queries on disk": f"{code_cache.MOST_FILES} files, {code_cache.MOST_BYTES >> 20} MiB",
    "one file with manifests (`verify -f`)": f"{subjects.MAX_FILE >> 20} MiB",
    "rest: body": UNPACKED,
    "rest: request line and headers": f"{connection.MAX_HEAD >> 10} KiB, {connection.MAX_HEADERS} headers",
    "rest: time for the headers to arrive": f"{connection.HEAD_SECONDS:g} s",
    "rest: connections": f"{rest.MAX_CONNECTIONS}",
    "rest: evaluations that wait": f"{evaluate.MAX_WAITING}",
    "rest: segments of a document's path": f"{paths.MAX_STEPS}",
    "digits of an integer in a review": "4300",  # msgspec's own
}


def test_the_figures_are_those_in_force(root: Path) -> None:
    found: dict[str, str] = {}
    prefix = ""
    for line in (root / "docs" / "reference" / "limits.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            prefix = "rest: " if "REST" in line else ""
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in ("what", "---"):
            assert cells[2], line
            found[prefix + cells[0]] = cells[1]
    assert found == EXPECTED
