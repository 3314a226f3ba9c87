# The original image policy, corrected: a review is denied when a layer of an image is among the vulnerable ones.
package io.k8s.image_policy

verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": {"allowed": allowed},
}

default allowed := false

allowed if not denied

secure_namespaces := {"production"}

denied if {
	input.spec.namespace in secure_namespaces
	some [_, _, _, layer] in image_layers
	layer in vulnerable_layers
}

image_layers contains [owner, name, tag, layer.digest] if {
	some container in input.spec.containers
	[repository, tag] := split(container.image, ":")
	[owner, name] := split(repository, "/")
	some layer in data.docker.layers[owner][name][tag].layers
}

vulnerable_layers contains layer if {
	some layer
	some feature in data.clair.layers[layer].Layer.Features
	count(feature.Vulnerabilities) > 0
}
