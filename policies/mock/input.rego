# METADATA
# title: Mock reviews
# description: Two reviews as the API server sends them, to try the policy with.
package mock

allowed := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"spec": {
		"containers": [{"image": "openpolicyagent/opa:0.4.9"}],
		"namespace": "production",
	},
}

denied := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"spec": {
		"containers": [
			{"image": "openpolicyagent/opa:0.4.9"},
			{"image": "library/wordpress:4-apache"},
		],
		"namespace": "production",
	},
}
