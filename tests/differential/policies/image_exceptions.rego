package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

excepted(image) if {
	some e in data.exceptions
	e.image == image
	input.request.namespace in e.namespaces
	not expired(e)
}

expired(e) if time.parse_rfc3339_ns(e.until) < 1700000000000000000

deny contains image if {
	some image in images
	not startswith(image, "registry.example.com/")
	not excepted(image)
}

without := x if x := deny with data.exceptions as []
