package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg, "details": details} if {
	fields := {x | input.review.object.spec.volumes[_][x]; x != "name"}
	not types_allowed(fields)
	msg := sprintf("One of the volume types %v is not allowed", [fields])
	details := {"volumes": fields}
}

types_allowed(_) if "*" in input.parameters.volumes

types_allowed(fields) if {
	allowed := {x | some x in input.parameters.volumes}
	count(fields - allowed) == 0
}
