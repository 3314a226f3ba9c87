package t

containers contains c if some c in input.review.object.spec.containers

containers contains c if some c in input.review.object.spec.initContainers

violation contains {"msg": msg} if {
	mounts(input.review.object.spec)
	msg := sprintf("Automounting service account token is disallowed, pod: %v", [input.review.object.metadata.name])
}

mounts(spec) if spec.automountServiceAccountToken

mounts(spec) if {
	not "automountServiceAccountToken" in object.keys(spec)
	some c in containers
	"/var/run/secrets/kubernetes.io/serviceaccount" == c.volumeMounts[_].mountPath
}
