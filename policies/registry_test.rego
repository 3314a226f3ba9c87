package io.k8s.image_policy_registry_test

import data.io.k8s.image_policy as policy

codes(image, namespace, given) := {finding.code | some finding in findings} if {
	findings := policy.deny with input as {"spec": {"namespace": namespace, "containers": [{"image": image}]}}
		with data.image_policy as {"registry": given, "scan": {"secure_namespaces": []}}
}

test_docker_hub_by_default if {
	codes("nginx:1", "production", {}) == set()
	codes("docker.io/library/nginx:1", "production", {}) == set()
	codes("registry.example/nginx:1", "production", {}) == {"registry-external"}
}

test_internal_registries_are_a_parameter if {
	given := {"internal": ["registry.example:5000"]}
	codes("registry.example:5000/nginx:1", "production", given) == set()
	codes("registry.example/nginx:1", "production", given) == {"registry-external"}
	codes("registry.example:50000/nginx:1", "production", given) == {"registry-external"}
	codes("nginx:1", "production", given) == {"registry-external"}
}

test_a_prefix_is_not_the_registry if {
	codes("docker.io.evil.example/nginx:1", "production", {}) == {"registry-external"}
	codes("evil.example/docker.io/nginx:1", "production", {}) == {"registry-external"}
}

test_other_namespaces if {
	codes("registry.example/nginx:1", "staging", {}) == set()
	codes("registry.example/nginx:1", "staging", {"namespaces": ["staging"]}) == {"registry-external"}
}

test_no_internal_registry_refuses_all if {
	codes("nginx:1", "production", {"internal": []}) == {"registry-external"}
}

test_message_names_the_registry if {
	findings := policy.deny with input as {"spec": {
		"namespace": "production",
		"containers": [{"image": "registry.example/nginx:1"}],
	}}
		with data.image_policy as {"scan": {"secure_namespaces": []}}
	{finding.message | some finding in findings} == {"the registry registry.example is not an internal one"}
}
