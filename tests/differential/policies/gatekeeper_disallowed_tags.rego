package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some c in containers
	tags := [forbidden | some tag in input.parameters.tags; forbidden := endswith(c.image, concat(":", ["", tag]))]
	any_true(tags)
	msg := sprintf("container <%v> uses a disallowed tag <%v>", [c.name, c.image])
}

violation contains {"msg": msg} if {
	some c in containers
	not contains(c.image, ":")
	msg := sprintf("container <%v> did not specify an image tag <%v>", [c.name, c.image])
}

any_true(xs) if true in xs
