package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

report := {"images": images, "by_registry": by_registry, "ok": count(deny) == 0}

by_registry[registry] contains image if {
	some image in images
	registry := split(image, "/")[0]
}

default deny := []

deny := [image | some image in images; endswith(image, ":latest")]
