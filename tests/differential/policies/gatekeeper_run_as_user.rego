package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some c in containers
	user := object.get(object.get(c, "securityContext", {}), "runAsUser", object.get(object.get(input.review.object.spec, "securityContext", {}), "runAsUser", null))
	bad(user)
	msg := sprintf("Container %v is attempting to run as %v", [c.name, user])
}

bad(null)

bad(0)

bad(user) if {
	is_number(user)
	every range in input.parameters.ranges { not between(user, range) }
}

between(n, {"min": low, "max": high}) if {
	n >= low
	n <= high
}
