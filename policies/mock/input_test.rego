package mock_test

import data.mock

images(review) := [container.image | some container in review.spec.containers]

test_mock_reviews if {
	images(mock.allowed) == ["openpolicyagent/opa:0.4.9"]
	images(mock.denied) == ["openpolicyagent/opa:0.4.9", "library/wordpress:4-apache"]
	every review in [mock.allowed, mock.denied] {
		review.kind == "ImageReview"
		review.apiVersion == "imagepolicy.k8s.io/v1alpha1"
		review.spec.namespace == "production"
	}
}
