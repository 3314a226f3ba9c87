package io.k8s.image_policy

# METADATA
# title: Pinning
# description: |
#   A tag that moves makes what runs depend on when it was pulled. Images need a tag that stays, or a digest; where
#   it is asked for, a digest. A digest is enough whatever the tag says, for the runtime then ignores the tag.
#
#   Parameters, data.image_policy.pinning:
#     namespaces         ["*"]        where a tag is asked for; "*" means everywhere
#     moving_tags        ["latest"]   tags that do not count
#     digest_namespaces  []           where a digest is asked for
topics["pinning"] := {
	"namespaces": ["*"],
	"moving_tags": ["latest"],
	"digest_namespaces": [],
}

# METADATA
# title: No tag and no digest
# custom:
#   code: pinning-no-tag
#   message: neither a tag nor a digest, which means latest
#   remedy: name a version, such as :1.4.2, or a digest
deny contains finding(rego.metadata.rule(), image, []) if {
	within(parameters.pinning.namespaces)
	some image, reference in references
	reference.digest == ""
	reference.tag == ""
}

# METADATA
# title: A tag that moves
# custom:
#   code: pinning-moving-tag
#   message: the tag %s moves, so what runs may change between two starts
#   remedy: name a version, such as :1.4.2, or a digest
deny contains finding(rego.metadata.rule(), image, [reference.tag]) if {
	within(parameters.pinning.namespaces)
	some image, reference in references
	reference.digest == ""
	reference.tag in parameters.pinning.moving_tags
}

# METADATA
# title: No digest where one is asked for
# custom:
#   code: pinning-no-digest
#   message: no digest, which this namespace asks for
#   remedy: add the digest that the registry reports for the tag, as @sha256:…
deny contains finding(rego.metadata.rule(), image, []) if {
	within(parameters.pinning.digest_namespaces)
	some image, reference in references
	reference.digest == ""
}
