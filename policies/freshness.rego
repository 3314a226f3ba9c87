package io.k8s.image_policy

# METADATA
# title: Freshness
# description: |
#   What was true of an image some days ago says little: tags move, and vulnerabilities become known. Where facts about
#   images are gathered (input.images), they must be young enough. Where none are, this file says nothing.
#
#   Parameters, data.image_policy.freshness:
#     namespaces        ["production"]   where the rules hold; "*" means everywhere
#     look_seconds      86400            how long ago a registry may have been asked
#     scan_seconds      172800           how long ago a scanner may have confirmed what it found
#     facts_seconds     3600             how old the copy of the facts may be
topics["freshness"] := {
	"namespaces": ["production"],
	"look_seconds": 86400,
	"scan_seconds": 172800,
	"facts_seconds": 3600,
}

# METADATA
# title: The registry was asked too long ago
# custom:
#   code: freshness-look
#   message: "its registry was last asked %v seconds ago"
#   remedy: see with image-enforcer status why its repository is not looked at
deny contains finding(rego.metadata.rule(), image, [facts.age_seconds]) if {
	within(parameters.freshness.namespaces)
	some image, facts in input.images
	aged(facts)
	facts.age_seconds > parameters.freshness.look_seconds
}

# METADATA
# title: Nobody knows when the registry was asked
# custom:
#   code: freshness-unknown
#   message: nobody knows when its registry was last asked
#   remedy: have its repository followed, then try again
deny contains finding(rego.metadata.rule(), image, []) if {
	within(parameters.freshness.namespaces)
	some image, facts in input.images
	not aged(facts)
}

aged(facts) if is_number(facts.age_seconds)

# METADATA
# title: It was scanned too long ago
# custom:
#   code: freshness-scan
#   message: "what a scan found was last confirmed %v seconds ago"
#   remedy: see that the worker and its scanner run
deny contains finding(rego.metadata.rule(), image, [platform.scan.age_seconds]) if {
	within(parameters.freshness.namespaces)
	some image, facts in input.images
	some platform in facts.platforms
	platform.scan.age_seconds > parameters.freshness.scan_seconds
}

# METADATA
# title: The copy of the facts is too old
# custom:
#   code: freshness-facts
#   message: "the copy of the facts is %v seconds old"
#   remedy: see that the worker runs, and that this server reaches it
deny contains finding(rego.metadata.rule(), "", [input.facts.age_seconds]) if {
	within(parameters.freshness.namespaces)
	input.facts.age_seconds > parameters.freshness.facts_seconds
}
