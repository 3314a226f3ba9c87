package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

probes := {"readinessProbe", "livenessProbe"}

violation contains {"msg": msg} if {
	some c in containers
	some probe in probes
	not c[probe]
	msg := $"Container <{c.name}> in your <{input.review.kind.kind}> has no <{probe}>"
}
