package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	some i, j
	a := input.review.object.spec.containers[i]
	b := input.review.object.spec.containers[j]
	i < j
	a.name == b.name
	msg := sprintf("containers %d and %d are both called %v", [i, j, a.name])
}
