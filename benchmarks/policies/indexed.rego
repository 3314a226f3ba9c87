# The same, with the membership test written as an index look-up.
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
	vulnerable_layers[layer]
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
