package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some c in containers
	disallowed := {x | some x in c.securityContext.capabilities.add} - {x | some x in input.parameters.allowedCapabilities}
	count(disallowed) > 0
	msg := sprintf("container <%v> has disallowed capabilities %v", [c.name, sort(disallowed)])
}

violation contains {"msg": msg} if {
	some c in containers
	missing := {x | some x in input.parameters.dropCapabilities} - {x | some x in object.get(c, ["securityContext", "capabilities", "drop"], [])}
	count(missing) > 0
	msg := sprintf("container <%v> is not dropping all required capabilities %v", [c.name, missing])
}
