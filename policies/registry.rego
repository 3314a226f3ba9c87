package io.k8s.image_policy

# METADATA
# title: Registries
# description: |
#   Production uses internal registries only. By default that is Docker Hub, which the sample data is about.
#
#   Parameters, data.image_policy.registry:
#     namespaces  ["production"]   where the rule holds; "*" means everywhere
#     internal    ["docker.io"]    hosts, with their ports, that count as internal; compared as written
topics["registry"] := {
	"namespaces": ["production"],
	"internal": ["docker.io"],
}

# METADATA
# title: Not an internal registry
# custom:
#   code: registry-external
#   message: the registry %s is not an internal one
#   remedy: copy the image to an internal registry and use it from there
deny contains finding(rego.metadata.rule(), image, [reference.registry]) if {
	within(parameters.registry.namespaces)
	some image, reference in references
	not reference.registry in parameters.registry.internal
}
