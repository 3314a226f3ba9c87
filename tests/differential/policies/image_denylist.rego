package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

deny contains sprintf("%v is denied: %v", [image, why]) if {
	some image in images
	some pattern, why in data.denied
	glob.match(pattern, [], image)
}

clean := {image | some image in images; every pattern, _ in data.denied { not glob.match(pattern, [], image) }}
