package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

reached := graph.reachable(data.depends, images)

paths := graph.reachable_paths(data.depends, images)

deny contains sprintf("%v needs %v", [image, bad]) if {
	some image in images
	some bad in graph.reachable(data.depends, {image})
	bad in data.denied
}
