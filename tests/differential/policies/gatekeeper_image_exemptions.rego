package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

exempt(c) if {
	some image in input.parameters.exemptImages
	prefix := trim_suffix(image, "*")
	endswith(image, "*")
	startswith(c.image, prefix)
}

exempt(c) if c.image in input.parameters.exemptImages

violation contains {"msg": c.image} if {
	some c in containers
	not exempt(c)
}
