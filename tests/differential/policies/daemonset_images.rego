package t

pod_spec := input.request.object.spec.template.spec

all_containers contains c if some c in pod_spec.containers

all_containers contains c if some c in pod_spec.initContainers

deny contains msg if {
	some c in all_containers
	not contains(c.image, "@sha256:")
	msg := sprintf("%v/%v: no digest in %v", [input.request.kind.kind, c.name, c.image])
}

names := [c.name | some c in input.request.object.spec.template.spec.containers]
