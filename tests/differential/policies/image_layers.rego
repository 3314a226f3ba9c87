package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

base(image) := data.scans[image].layers[0]

deny contains image if {
	some image in images
	not base(image) in data.bases
}

shared[layer] contains image if {
	some image in images
	some layer in data.scans[image].layers
}

widest := max({count(v) | some v in shared})
