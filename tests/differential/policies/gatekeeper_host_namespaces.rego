package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some field in {"hostPID", "hostIPC", "hostNetwork"}
	input.review.object.spec[field] == true
	msg := sprintf("Sharing the host namespace is not allowed: %v (%v)", [input.review.object.metadata.name, field])
}
