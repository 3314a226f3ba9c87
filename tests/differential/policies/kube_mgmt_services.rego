package t

deny contains $"no {kind} here" if {
	kind := input.request.object.spec.type
	kind in ["LoadBalancer", "NodePort"]
	not data.exempt[input.request.namespace]
}

deny contains sprintf("external IP %v", [ip]) if {
	some ip in input.request.object.spec.externalIPs
	not net.cidr_contains("10.0.0.0/8", ip)
}
