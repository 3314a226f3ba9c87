package io.k8s.image_policy_pinning_test

import data.io.k8s.image_policy as policy

digest := "@sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

codes(image, given) := {finding.code | some finding in findings} if {
	findings := policy.deny with input as {"spec": {"namespace": "staging", "containers": [{"image": image}]}}
		with data.image_policy as {"pinning": given}
}

test_a_tag_is_enough if {
	codes("nginx:1.25", {}) == set()
	codes("registry.example:5000/nginx:1.25", {}) == set()
}

test_no_tag if {
	codes("nginx", {}) == {"pinning-no-tag"}
	codes("registry.example:5000/nginx", {}) == {"pinning-no-tag"}
}

test_latest if {
	codes("nginx:latest", {}) == {"pinning-moving-tag"}
	codes("nginx:latest-alpine", {}) == set()
}

test_moving_tags_are_a_parameter if {
	codes("nginx:edge", {"moving_tags": ["edge"]}) == {"pinning-moving-tag"}
	codes("nginx:latest", {"moving_tags": ["edge"]}) == set()
}

test_a_digest_is_enough if {
	codes(concat("", ["nginx", digest]), {}) == set()
	codes(concat("", ["nginx:latest", digest]), {}) == set()
}

test_digest_where_asked_for if {
	given := {"digest_namespaces": ["staging"]}
	codes("nginx:1.25", given) == {"pinning-no-digest"}
	codes(concat("", ["nginx:1.25", digest]), given) == set()
	codes("nginx:1.25", {"digest_namespaces": ["production"]}) == set()
}

test_namespaces if {
	codes("nginx", {"namespaces": ["production"]}) == set()
	codes("nginx:latest", {"namespaces": ["production"]}) == set()
}

test_messages if {
	findings := policy.deny with input as {"spec": {"namespace": "staging", "containers": [{"image": "nginx:latest"}]}}
	{finding.message | some finding in findings} == {"the tag latest moves, so what runs may change between two starts"}
}
