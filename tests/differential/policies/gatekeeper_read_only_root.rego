package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": sprintf("only read-only root filesystem container is allowed: %v", [c.name])} if {
	some c in containers
	not object.get(object.get(c, "securityContext", {}), "readOnlyRootFilesystem", false)
}
