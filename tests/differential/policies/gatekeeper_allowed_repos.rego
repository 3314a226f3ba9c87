package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some c in containers
	not allowed(c.image)
	msg := sprintf("container <%v> has an invalid image repo <%v>, allowed repos are %v", [c.name, c.image, input.parameters.repos])
}

allowed(image) if {
	some repo in input.parameters.repos
	startswith(image, repo)
}
