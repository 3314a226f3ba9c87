package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some c in containers
	some e in c.env
	regex.match(`(?i)(password|secret|token)`, e.name)
	e.value
	msg := sprintf("container %v has a secret in plain text: %v", [c.name, e.name])
}
