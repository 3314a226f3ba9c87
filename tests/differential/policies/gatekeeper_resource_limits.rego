package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some c in containers
	limit := c.resources.limits.memory
	bytes := units.parse_bytes(limit)
	bytes > units.parse_bytes(input.parameters.memory)
	msg := sprintf("container <%v> memory limit <%v> is higher than the maximum allowed of <%v>", [c.name, limit, input.parameters.memory])
}

violation contains {"msg": msg} if {
	some c in containers
	not c.resources.limits.memory
	msg := sprintf("container <%v> has no memory limit", [c.name])
}
