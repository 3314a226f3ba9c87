package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": key} if {
	some key, regex_ in input.parameters.annotations
	not regex.match(regex_, object.get(input.review.object, ["metadata", "annotations", key], ""))
}

counted := {k: n | some k, v in input.review.object.metadata.annotations; n := count(v)}
