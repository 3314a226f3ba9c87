package t

deny contains msg if {
	input.request.kind.kind == "Ingress"
	host := input.request.object.spec.rules[_].host
	not fqdn_ok(host)
	msg := sprintf("invalid ingress host %q", [host])
}

fqdn_ok(host) if {
	some pattern in data.hosts
	glob.match(pattern, ["."], host)
}

clash contains ns if {
	some ns, name
	other := data.ingresses[ns][name]
	ns != input.request.namespace
	other.spec.rules[_].host == input.request.object.spec.rules[_].host
}
