package t

default replicas := 1

replicas := input.request.object.spec.replicas

deny contains sprintf("%d replicas of %v", [replicas, input.request.object.metadata.name]) if {
	replicas < object.get(data.minimum, input.request.namespace, 2)
}

tolerated if every t in input.request.object.spec.jobTemplate.spec.template.spec.tolerations { t.effect in {"NoSchedule", "NoExecute"} }

spread contains key if some {"topologyKey": key} in input.request.object.spec.jobTemplate.spec.template.spec.topologySpreadConstraints
