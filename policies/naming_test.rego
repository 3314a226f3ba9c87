package io.k8s.image_policy_naming_test

import data.io.k8s.image_policy as policy

codes(image, given) := {finding.code | some finding in findings} if {
	findings := policy.deny with input as {"spec": {"namespace": "staging", "containers": [{"image": image}]}}
		with data.image_policy as {"naming": given}
}

test_any_repository_by_default if {
	every image in ["nginx:1", "a/b/c/d:1", "example.com/shop/web:1"] {
		codes(image, {}) == set()
	}
}

test_allowed if {
	given := {"allowed": ["docker.io/library/*", "example.com/**"]}
	codes("nginx:1", given) == set()
	codes("example.com/a/b/c:1", given) == set()
	codes("evil.example.com/a/b/c:1", given) == {"naming-not-allowed"}
	codes("example.com.evil/a/b/c:1", given) == {"naming-not-allowed"}
	codes("library/nginx/x:1", given) == {"naming-not-allowed"}
	codes("shop/web:1", given) == {"naming-not-allowed"}
}

test_nothing_is_allowed_by_no_pattern_or_a_broken_one if {
	codes("nginx:1", {"allowed": []}) == {"naming-not-allowed"}
	codes("nginx:1", {"allowed": ["[a"]}) == {"naming-not-allowed"}
}

test_forbidden if {
	given := {"forbidden": ["docker.io/library/*", "**/legacy-*"]}
	codes("nginx:1", given) == {"naming-forbidden"}
	codes("example.com/a/legacy-web:1", given) == {"naming-forbidden"}
	codes("shop/web:1", given) == set()
}

test_a_broken_pattern_forbids if {
	codes("shop/web:1", {"forbidden": ["[a"]}) == {"naming-forbidden"}
}

test_upper_case_hosts if {
	codes("Example.com/shop/web:1", {}) == {"naming-host-case"}
	codes("HUB/shop/web:1", {}) == {"naming-host-case"}
	codes("example.com/shop/web:RC1", {}) == set()
}

test_local_hosts if {
	every host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "[0:0:0:0:0:0:0:1]"] {
		codes(sprintf("%s/shop/web:1", [host]), {}) == {"naming-local-host"}
		codes(sprintf("%s/shop/web:1", [host]), {"local_hosts": true}) == set()
	}
	every host in ["localhost.example", "127.example", "[fd00::1]:5000", "1127.0.0.1"] {
		codes(sprintf("%s/shop/web:1", [host]), {}) == set()
	}
}

test_an_upper_case_local_host_is_one if {
	codes("LOCALHOST/shop/web:1", {}) == {"naming-local-host", "naming-host-case"}
}

test_messages_name_the_repository if {
	findings := policy.deny with input as {"spec": {"namespace": "staging", "containers": [{"image": "nginx:1"}]}}
		with data.image_policy as {"naming": {"allowed": [], "forbidden": ["**"]}}
	{finding.message | some finding in findings} == {
		"docker.io/library/nginx is not among the allowed repositories",
		"docker.io/library/nginx is forbidden by the pattern **",
	}
}

test_namespaces if {
	every image in ["nginx:1", "Example.com/web:1", "localhost/web:1"] {
		given := {"namespaces": ["production"], "allowed": [], "forbidden": ["**"]}
		codes(image, given) == set()
	}
}
