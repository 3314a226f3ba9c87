package t

deny contains msg if {
	ns := input.request.namespace
	allowed := data.namespaces[ns].registries
	some c in input.request.object.spec.containers
	not any_prefix(c.image, allowed)
	msg := sprintf("image %v is not allowed in namespace %v", [c.image, ns])
}

deny contains "unknown namespace" if not data.namespaces[input.request.namespace]

any_prefix(text, prefixes) if strings.any_prefix_match(text, prefixes)
