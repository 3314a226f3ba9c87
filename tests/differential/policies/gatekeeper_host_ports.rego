package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": "The specified hostNetwork and hostPort are not allowed"} if {
	shares_host_ports(input.review.object)
}

shares_host_ports(o) if {
	not input.parameters.hostNetwork
	o.spec.hostNetwork
}

shares_host_ports(_) if {
	port := containers[_].ports[_].hostPort
	port < input.parameters.min
}

shares_host_ports(_) if {
	port := containers[_].ports[_].hostPort
	port > input.parameters.max
}
