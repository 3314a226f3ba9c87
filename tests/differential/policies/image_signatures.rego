package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

signed(image) if {
	some s in data.signatures[image]
	s.issuer in data.issuers
	regex.match(data.subject, s.subject)
}

default verdict := "deny"

verdict := "allow" if {
	count(images) > 0
	every image in images { signed(image) }
}

unsigned := [image | some image in images; not signed(image)]
