package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

cpu(text) := to_number(trim_suffix(text, "m")) if endswith(text, "m")

cpu(text) := to_number(text) * 1000 if {
	is_string(text)
	not endswith(text, "m")
}

cpu(n) := n * 1000 if is_number(n)

violation contains {"msg": msg} if {
	some c in containers
	cpu(c.resources.limits.cpu) > cpu(input.parameters.cpu)
	msg := sprintf("container <%v> cpu limit is too high", [c.name])
}

violation contains {"msg": msg} if {
	some c in containers
	orig := c.resources.limits.cpu
	not cpu(orig)
	msg := sprintf("container <%v> cpu limit <%v> could not be parsed", [c.name, orig])
}
