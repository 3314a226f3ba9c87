"""The rules of the lint as data: what each finds, why that is wrong, what to do, and a module with and without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .findings import Rule

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        code="IL001",
        name="bare-ignore",
        severity="warning",
        summary="A lint:ignore comment without a reason, without a code, or with a code that there is not.",
        why="Whoever reads the policy next cannot tell whether the finding was looked at.",
        remedy="Write what was found to be right: # lint:ignore IL103 names are checked by deny_unknown.",
        bad="""\
package a

# lint:ignore IL103
trusted(image) if startswith(image, "registry.example")
""",
        good="""\
package a

# lint:ignore IL103 the mirror serves nothing else
trusted(image) if startswith(image, "registry.example")
""",
    ),
    Rule(
        code="IL101",
        name="split-destructured",
        severity="error",
        summary="An image reference is split into a fixed number of parts.",
        why=(
            "References have no tag, a tag, a digest or both, a registry with a port or none. Where the "
            "number of parts is another one, the expression is undefined, and the image is in no rule that "
            "follows: it is allowed."
        ),
        remedy=(
            "Parse the whole reference with one anchored regular expression that has a case for what does not "
            "match, and deny that."
        ),
        bad="""\
package a

deny contains image if {
	some image in input.images
	[_, tag] := split(image, ":")
	tag == "latest"
}
""",
        good="""\
package a

deny contains image if {
	some image in input.images
	not regex.match(`^[^@]+:[0-9.]+(?:@sha256:[0-9a-f]{64})?$`, image)
}
""",
    ),
    Rule(
        code="IL102",
        name="split-indexed",
        severity="warning",
        summary="A part of an image reference is taken by its number.",
        why=(
            "Which part is the tag or the registry depends on what else is written: behind the first colon "
            "may be a port, and what stands in front of the first slash is a registry only if it has a dot or "
            "a colon."
        ),
        remedy=("Take off the digest, then the path up to the last slash, and look for the tag in what is left."),
        bad="""\
package a

registry(image) := split(image, "/")[0]
""",
        good="""\
package a

registry(image) := found[1] if found := regex.find_all_string_submatch_n(`^([^/]*[.:][^/]*)/`, image, 1)[0]
""",
    ),
    Rule(
        code="IL103",
        name="open-prefix",
        severity="error",
        summary="A registry or repository is recognised by a prefix without its end.",
        why=(
            'startswith(image, "registry.example") also holds for registry.example.evil.test/x, which anybody '
            "can set up."
        ),
        remedy='Write the slash: "registry.example/". Behind a whole repository write the colon or the @.',
        bad="""\
package a

default allow := false

allow if startswith(input.image, "registry.example")
""",
        good="""\
package a

default allow := false

allow if startswith(input.image, "registry.example/")
""",
    ),
    Rule(
        code="IL104",
        name="loose-match",
        severity="error",
        summary="An image is trusted for a text that stands anywhere in its name, or at its end.",
        why="The path, the tag and a part of the host are chosen by whoever pushes the image.",
        remedy="Compare from the start: startswith with the slash, or an anchored pattern.",
        bad="""\
package a

default allow := false

allow if contains(input.image, "registry.example/")
""",
        good="""\
package a

default allow := false

allow if startswith(input.image, "registry.example/")
""",
    ),
    Rule(
        code="IL105",
        name="latest-by-suffix",
        severity="warning",
        summary="The tag latest is recognised by the end of the reference.",
        why="nginx is nginx:latest, and nginx:latest@sha256:… does not end with it.",
        remedy="Ask for what is wanted, a tag that is not latest or a digest, rather than for what is not.",
        bad="""\
package a

deny contains c.image if {
	some c in input.spec.containers
	endswith(c.image, ":latest")
}

init := input.spec.initContainers
""",
        good="""\
package a

deny contains c.image if {
	some c in input.spec.containers
	not regex.match(`^[^@]*:v?[0-9][0-9.]*(?:@.+)?$`, c.image)
}

init := input.spec.initContainers
""",
    ),
    Rule(
        code="IL106",
        name="colon-probe",
        severity="warning",
        summary="Whether an image has a tag is told by a colon anywhere in it.",
        why="registry.example:5000/nginx has a colon and no tag; so has nginx@sha256:….",
        remedy="Look behind the last slash and in front of the @: regex.match(`:[^/@]+(?:@|$)`, image).",
        bad="""\
package a

deny contains image if {
	some image in input.images
	not contains(image, ":")
}
""",
        good="""\
package a

deny contains image if {
	some image in input.images
	not regex.match(`^[^@]*:[^/@]+(?:@.+)?$`, image)
}
""",
    ),
    Rule(
        code="IL107",
        name="open-pattern",
        severity="error",
        summary="A regular expression that images must match does not describe them from start to end.",
        why=(
            "Without ^ it matches evil.test/registry.example/x, without $ or a slash it goes on behind the "
            "name, and a bare dot stands for any character, so that registryXexample matches."
        ),
        remedy="Begin with ^, write dots of hosts as \\., end with $ or with the slash.",
        bad="""\
package a

default allow := false

allow if regex.match(`registry\\.example/`, input.image)
""",
        good="""\
package a

default allow := false

allow if regex.match(`^registry\\.example/`, input.image)
""",
    ),
    Rule(
        code="IL108",
        name="glob-across-slashes",
        severity="error",
        summary="A glob for images whose * goes across slashes.",
        why=(
            "With null as delimiters * matches everything; [] stands for the dot alone. So registry.example/* "
            "admits every path, and *.example/x every host."
        ),
        remedy=('Give the delimiters of references, ["/", ":", "@"], and write ** where it is meant to go across.'),
        bad="""\
package a

default allow := false

allow if glob.match("registry.example/*", [], input.image)
""",
        good="""\
package a

default allow := false

allow if glob.match("registry.example/*", ["/", ":", "@"], input.image)
""",
    ),
    Rule(
        code="IL109",
        name="case-folded",
        severity="warning",
        summary="A tag, a digest or an image is compared in another case than it has.",
        why=(
            "Tags differ in case: what is pulled is not what was compared. Digests have lower case only, so "
            "one with upper case is equal to nothing."
        ),
        remedy="Compare as it is written, and deny what has upper case where there should be none.",
        bad="""\
package a

deny contains tag if {
	some tag in input.tags
	lower(tag) == "latest"
}
""",
        good="""\
package a

deny contains tag if {
	some tag in input.tags
	tag == "latest"
}
""",
    ),
    Rule(
        code="IL201",
        name="default-allow",
        severity="error",
        summary="The default of a verdict allows.",
        why=("Whatever goes wrong, a name misspelt, data not loaded, an input of another form, ends in the default."),
        remedy="Let the default refuse, and write what has to hold for an image to be allowed.",
        bad="""\
package a

default allow := true

allow := false if input.image == "nginx"
""",
        good="""\
package a

default allow := false

allow if input.image == "registry.example/nginx:1.27"
""",
    ),
    Rule(
        code="IL202",
        name="no-default",
        severity="warning",
        summary="A verdict that is true or undefined.",
        why=(
            "Undefined is not false: who asks for it must take care of that, and a negation or a missing key "
            "may take it for consent."
        ),
        remedy="default allow := false.",
        bad="""\
package a

allow if input.image == "registry.example/nginx:1.27"
""",
        good="""\
package a

default allow := false

allow if input.image == "registry.example/nginx:1.27"
""",
    ),
    Rule(
        code="IL203",
        name="allow-unless-denied",
        severity="warning",
        summary="An image is allowed as soon as a rule that denies is undefined.",
        why=(
            "A rule is undefined also where the input has another form, data are missing or a built-in fails. "
            "Nothing that has to hold was asked."
        ),
        remedy=(
            "Collect denials in a set, deny what could not be understood as well, and allow where the set is empty."
        ),
        bad="""\
package a

default allow := false

allow if not bad

bad if input.image == "nginx"
""",
        good="""\
package a

default allow := false

allow if {
	is_string(input.image)
	not bad
}

bad if input.image == "nginx"
""",
    ),
    Rule(
        code="IL204",
        name="verdict-without-refusal",
        severity="warning",
        summary="A verdict that is undefined where it does not allow.",
        why="The server gets no answer instead of a refusal, and what it does then is not said here.",
        remedy="Add an else with the refusal and its reason.",
        bad="""\
package a

status := {"allowed": true} if count(deny) == 0

deny contains "x" if input.x
""",
        good="""\
package a

status := {"allowed": true} if {
	count(deny) == 0
} else := {"allowed": false, "reason": "x"}

deny contains "x" if input.x
""",
    ),
    Rule(
        code="IL205",
        name="verdict-without-allowed",
        severity="error",
        summary="An ImageReview or AdmissionReview whose status or response has no allowed.",
        why=(
            "The API server takes that for a refusal; other servers, tests and scripts take what is not false "
            "for consent."
        ),
        remedy='Say it: "allowed": false.',
        bad="""\
package a

verify := {"kind": "ImageReview", "status": {"reason": "no"}}
""",
        good="""\
package a

verify := {"kind": "ImageReview", "status": {"allowed": false, "reason": "no"}}
""",
    ),
    Rule(
        code="IL206",
        name="unused-denial",
        severity="warning",
        summary="Denials that the verdict beside them never looks at.",
        why="They read as if they denied something.",
        remedy="Let the verdict count them, or remove them.",
        bad="""\
package a

default allow := false

allow if input.ok

deny contains "x" if input.x
""",
        good="""\
package a

default allow := false

allow if {
	input.ok
	count(deny) == 0
}

deny contains "x" if input.x
""",
    ),
    Rule(
        code="IL301",
        name="missing-document",
        severity="error",
        summary="An image is allowed because something is not in a document that may be missing.",
        why=("not data.blocked[image] holds for every image where data.blocked was not loaded, or was renamed."),
        remedy="Ask that the document is there, data.blocked != null, or deny where it is not.",
        bad="""\
package a

default allow := false

allow if not data.blocked[input.image]
""",
        good="""\
package a

default allow := false

allow if data.checked[input.image] == "clean"
""",
    ),
    Rule(
        code="IL302",
        name="world-sized-set",
        severity="warning",
        summary="A set is made of a whole document to ask whether one thing is in it.",
        why=("The document is gone through with each decision: with the data the time of every admission grows."),
        remedy=("Keep it as an object and ask by key, data.layers[image], or make the set a rule of its own."),
        bad="""\
package a

deny contains "unknown" if not input.image in {l.image | some l in data.layers}
""",
        good="""\
package a

deny contains "unknown" if not data.layers[input.image]
""",
    ),
    Rule(
        code="IL303",
        name="element-of-element",
        severity="error",
        summary="The parts of a tuple are gone through as if they were tuples.",
        why="No part matches the pattern, so the rule never holds: what it should deny is allowed.",
        remedy="Take the tuple apart where it comes from: some [org, name] in pairs.",
        bad="""\
package a

pairs contains [org, name] if {
	some org, names in data.orgs
	some name in names
}

deny contains name if {
	some tuple in pairs
	some [org, name] in tuple
	org == "x"
}
""",
        good="""\
package a

pairs contains [org, name] if {
	some org, names in data.orgs
	some name in names
}

deny contains name if {
	some [org, name] in pairs
	org == "x"
}
""",
    ),
    Rule(
        code="IL304",
        name="containers-only",
        severity="error",
        summary="Only spec.containers are looked at.",
        why="Images of initContainers and ephemeralContainers run in the Pod as well.",
        remedy=(
            'Go through all three: some kind in {"containers", "initContainers", "ephemeralContainers"}. A '
            "review of images (ImageReview) has them all in spec.containers."
        ),
        bad="""\
package a

images contains c.image if some c in input.request.object.spec.containers
""",
        good="""\
package a

kinds := {"containers", "initContainers", "ephemeralContainers"}

images contains c.image if {
	some kind in kinds
	some c in input.request.object.spec[kind]
}
""",
    ),
    Rule(
        code="IL305",
        name="rule-beside-data",
        severity="error",
        summary="A rule and a document have the same path.",
        why=(
            "Of two documents in one place one hides the other: who may write data could write the verdict. "
            "OPA refuses to load both."
        ),
        remedy="Give data a name of their own.",
        bad="""\
package a

limit := 7
""",
        good="""\
package b

limit := 7
""",
    ),
    Rule(
        code="IL401",
        name="volatile-built-in",
        severity="warning",
        summary="A decision asks a server, the clock or chance.",
        why=(
            "The same image gets different answers, tests cannot hold it, and what it asks holds up every "
            "Pod. A call that fails is undefined: a denial that needs its answer does not happen."
        ),
        remedy="Put what is needed into the data, and let something else keep them fresh.",
        bad="""\
package a

deny contains "expired" if time.now_ns() > data.scans[input.image].expires
""",
        good="""\
package a

deny contains "expired" if data.scans[input.image].expired
""",
    ),
    Rule(
        code="IL402",
        name="print-left",
        severity="warning",
        summary="print or trace in a rule.",
        why="It shows what is in requests to whoever reads the log, with each decision.",
        remedy="Remove it, or move it into a test.",
        bad="""\
package a

deny contains "x" if {
	print("here", input)
	input.x
}
""",
        good="""\
package a

deny contains "x" if input.x
""",
    ),
)
"""In the order of their codes: 0 about comments, 1 references, 2 verdicts, 3 documents, 4 decisions."""

BY_CODE: Final[Mapping[str, Rule]] = {rule.code: rule for rule in RULES}
