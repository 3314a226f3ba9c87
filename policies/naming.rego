package io.k8s.image_policy

# METADATA
# title: Names
# description: |
#   Which repositories may be used, by their full names such as docker.io/library/nginx, and which spellings of a host
#   are refused because different programs take them for different registries.
#
#   Parameters, data.image_policy.naming:
#     namespaces   ["*"]    where the rules hold; "*" means everywhere
#     allowed      ["**"]   patterns of which a name must match one; * stays within a part of the name, ** does not
#     forbidden    []       patterns of which a name must match none
#     local_hosts  false    whether images of localhost and the loopback addresses may be used
topics["naming"] := {
	"namespaces": ["*"],
	"allowed": ["**"],
	"forbidden": [],
	"local_hosts": false,
}

# METADATA
# title: Repository not among the allowed
# custom:
#   code: naming-not-allowed
#   message: "%s is not among the allowed repositories"
#   remedy: use a repository that data.image_policy.naming.allowed names
deny contains finding(rego.metadata.rule(), image, [name]) if {
	within(parameters.naming.namespaces)
	some image, name in names
	not allowed_name(name)
}

# METADATA
# title: Forbidden repository
# custom:
#   code: naming-forbidden
#   message: "%s is forbidden by the pattern %s"
#   remedy: use another repository
deny contains finding(rego.metadata.rule(), image, [name, pattern]) if {
	within(parameters.naming.namespaces)
	some image, name in names
	some pattern in parameters.naming.forbidden
	not clear(name, pattern)
}

# METADATA
# title: Upper case in a host
# custom:
#   code: naming-host-case
#   message: "the host %s is not in lower case, so programs disagree about the registry that is meant"
#   remedy: write the host in lower case
deny contains finding(rego.metadata.rule(), image, [reference.registry]) if {
	within(parameters.naming.namespaces)
	some image, reference in references
	reference.registry != lower(reference.registry)
}

# METADATA
# title: Image of the node itself
# custom:
#   code: naming-local-host
#   message: "the host %s is another one on every node"
#   remedy: push the image to a registry that every node reaches by the same name
deny contains finding(rego.metadata.rule(), image, [reference.registry]) if {
	within(parameters.naming.namespaces)
	not parameters.naming.local_hosts
	some image, reference in references
	regex.match(`^(?:(?i:localhost)|127(?:\.[0-9]+){0,3}|\[[0:]*:0*1\])(?::[0-9]+)?$`, reference.registry)
}

names[image] := sprintf("%s/%s", [reference.registry, reference.repository]) if some image, reference in references

allowed_name(name) if {
	some pattern in parameters.naming.allowed
	glob.match(pattern, ["/"], name)
}

# Said with ==, so that a pattern that is none forbids instead of permitting.
clear(name, pattern) if glob.match(pattern, ["/"], name) == false
