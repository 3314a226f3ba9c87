package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

tag(image) := t if {
	parts := split(image, ":")
	t := trim_prefix(parts[count(parts) - 1], "v")
}

behind contains image if {
	some image in images
	some name, minimum in data.minimums
	contains(image, name)
	semver.is_valid(tag(image))
	semver.compare(tag(image), minimum) < 0
}

odd contains image if {
	some image in images
	not semver.is_valid(tag(image))
}
