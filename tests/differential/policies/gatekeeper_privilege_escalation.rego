package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some c in containers
	escalates(c)
	msg := sprintf("Privilege escalation container is not allowed: %v", [c.name])
}

escalates(c) if not has_field(c, "securityContext")

escalates(c) if not c.securityContext.allowPrivilegeEscalation == false

has_field(object, field) if object[field]
