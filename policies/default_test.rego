package io.k8s.image_policy_test

import data.io.k8s.image_policy as policy

review(images) := {"spec": {"namespace": "staging", "containers": [{"image": image} | some image in images]}}

codes(findings) := {finding.code | some finding in findings}

sha256 := "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

# What one image parses to, and nothing where it does not.
parsed(image) := references if {
	references := [reference | some reference in policy.references] with input as review([image])
}

test_clean_review_is_allowed if {
	answer := policy.verify with input as review(["example.com/shop/web:1.4.2"])
	answer == {
		"apiVersion": "imagepolicy.k8s.io/v1alpha1",
		"kind": "ImageReview",
		"status": {"allowed": true},
	}
}

test_finding_denies_and_is_the_reason if {
	answer := policy.verify with input as review(["a b"])
	answer.kind == "ImageReview"
	answer.apiVersion == "imagepolicy.k8s.io/v1alpha1"
	answer.status.allowed == false
	answer.status.reason == concat("", [
		`"a b": not an image reference, so nothing is known about it; `,
		`write it as [registry/]repository[:tag][@digest] [unparsable]`,
	])
}

test_every_finding_is_in_the_reason if {
	reason := policy.verify.status.reason with input as review(["a b", "example.com/shop/web", "nginx:latest"])
	contains(reason, "[unparsable]")
	contains(reason, "example.com/shop/web: neither a tag nor a digest")
	contains(reason, "nginx:latest: the tag latest moves")
}

test_default_alone_refuses if {
	findings := policy.deny with input as review(["example.com/shop/web:1.4.2"])
		with policy.topics as {"default": {}}
	codes(findings) == {"no-rules"}
	reason := policy.verify.status.reason with input as review(["example.com/shop/web:1.4.2"])
		with policy.topics as {"default": {}}
	startswith(reason, "no rule is loaded")
}

test_default_is_no_rule_of_its_own if policy.topics["default"] == {}

test_review_without_images_is_denied if {
	every document in [{}, {"spec": {}}, {"spec": {"containers": []}}, {"spec": {"containers": "nginx:1"}}, [], null, "x"] {
		findings := policy.deny with input as document
		codes(findings) == {"no-images"}
	}
}

test_no_input_is_denied if {
	policy.verify.status.allowed == false with input.spec as {}
}

test_container_without_image_is_denied if {
	every container in [{}, 7, null, "nginx:1", [], {"image": null}, {"image": 7}, {"image": ["nginx:1"]}] {
		findings := policy.deny with input as {"spec": {
			"namespace": "staging",
			"containers": [{"image": "nginx:1"}, container],
		}}
		codes(findings) == {"no-image"}
		some finding in findings
		finding.message == "container 1 of the review has no image string"
	}
}

test_lone_container_without_image_is_not_a_review_without_images if {
	findings := policy.deny with input as {"spec": {"namespace": "staging", "containers": [{}]}}
	codes(findings) == {"no-image"}
}

test_unparsable_images if {
	every image in [
		"", " ", "a b", " nginx:1", "nginx:1 ", "nginx:1\n", "Nginx:1", "library/Nginx:1", "https://example.com/nginx:1",
		"ngïnx:1", "nginx:", "nginx@", "nginx@sha256:0f1e", "nginx:1:2", "nginx@md5:0f1e2d3c4b5a69788796a5b4c3d2e1f0",
		"example.com//nginx:1", "/nginx:1", "nginx/:1", "example.com:port/nginx:1", "-nginx:1", "nginx-:1", "a__/b:1", "a..b/c/d/:1",
		"my_host.example/nginx:1", "a_b.c/d/e", "example.com/", "[::1/nginx:1", "user@example.com/nginx:1", "nginx:-1", sprintf("nginx@%s", [upper(sha256)]),
		"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
		concat("", ["example.com/", concat("", [letter | some _ in numbers.range(1, 256); letter := "a"])]),
		sprintf("nginx:%s", [concat("", [letter | some _ in numbers.range(1, 129); letter := "a"])]),
	] {
		parsed(image) == []
		findings := policy.deny with input as review([image])
		codes(findings) == {"unparsable"}
	}
}

test_parsed_images if {
	every image, wanted in {
		"nginx": ["docker.io", "library/nginx", "", ""],
		"nginx:1.25": ["docker.io", "library/nginx", "1.25", ""],
		"docker.io/nginx:1": ["docker.io", "library/nginx", "1", ""],
		"index.docker.io/nginx:1": ["docker.io", "library/nginx", "1", ""],
		"openpolicyagent/opa:0.4.9": ["docker.io", "openpolicyagent/opa", "0.4.9", ""],
		"a/b/c/d:1": ["docker.io", "a/b/c/d", "1", ""],
		"my_host.example:1": ["docker.io", "library/my_host.example", "1", ""],
		"a/my_host.example:1": ["docker.io", "a/my_host.example", "1", ""],
		"a_b/c.d": ["docker.io", "a_b/c.d", "", ""],
		"test.com:5000": ["docker.io", "library/test.com", "5000", ""],
		"example.com/nginx:1": ["example.com", "nginx", "1", ""],
		"example.com:5000/a/b/c:1": ["example.com:5000", "a/b/c", "1", ""],
		"registry:5000/nginx": ["registry:5000", "nginx", "", ""],
		"localhost/nginx:1": ["localhost", "nginx", "1", ""],
		"localhost:5000/nginx:1": ["localhost:5000", "nginx", "1", ""],
		"HUB/nginx:1": ["HUB", "nginx", "1", ""],
		"Docker.IO/library/nginx:1": ["Docker.IO", "library/nginx", "1", ""],
		"10.0.0.1:5000/nginx:1": ["10.0.0.1:5000", "nginx", "1", ""],
		"[fd00::1]:5000/nginx:1": ["[fd00::1]:5000", "nginx", "1", ""],
		"my-org/a_b__c.d-e:V1_2.3-x": ["docker.io", "my-org/a_b__c.d-e", "V1_2.3-x", ""],
		sprintf("nginx@%s", [sha256]): ["docker.io", "library/nginx", "", sha256],
		sprintf("example.com/a/b:1@%s", [sha256]): ["example.com", "a/b", "1", sha256],
	} {
		[registry, repository, tag, digest] := wanted
		parsed(image) == [{"registry": registry, "repository": repository, "tag": tag, "digest": digest}]
	}
}

test_long_digests_parse if {
	every algorithm, length in {"sha384": 96, "sha512": 128} {
		digest := sprintf("%s:%s", [algorithm, concat("", ["a" | some _ in numbers.range(1, length)])])
		parsed(sprintf("nginx@%s", [digest]))[0].digest == digest
	}
}

test_longest_names_parse if {
	path := concat("", ["a" | some _ in numbers.range(1, 255)])
	parsed(sprintf("example.com/%s:1", [path]))[0].repository == path
	parsed(sprintf("docker.io/a/%s:1", [substring(path, 0, 253)]))[0].tag == "1"
	parsed(sprintf("docker.io/a/%s:1", [substring(path, 0, 254)])) == []
	parsed(substring(path, 0, 247))[0].repository == sprintf("library/%s", [substring(path, 0, 247)])
	parsed(substring(path, 0, 248)) == []
}

test_namespaces if {
	policy.within(["production"]) with input.spec.namespace as "production"
	policy.within(["*"]) with input.spec.namespace as "production"
	not policy.within(["production"]) with input.spec.namespace as "staging"
	not policy.within([]) with input.spec.namespace as "production"
}

test_review_without_namespace_is_within_every_namespace_named if {
	every spec in [{}, {"namespace": ""}, {"namespace": null}, {"namespace": 7}] {
		policy.within(["production"]) with input.spec as spec
		not policy.within([]) with input.spec as spec
	}
}

test_parameters_go_over_the_defaults if {
	policy.parameters.pinning == {"namespaces": ["*"], "moving_tags": ["edge"], "digest_namespaces": []} with data.image_policy as {"pinning": {"moving_tags": ["edge"]}}
	policy.parameters.pinning == policy.topics.pinning with data.image_policy as {}
	policy.parameters.pinning == policy.topics.pinning with data.image_policy as {"pinning": "none"}
}

test_misunderstood_parameters_are_denied if {
	every path, given in {
		"pining": {"pining": {}},
		"pinning": {"pinning": ["edge"]},
		"pinning.tags": {"pinning": {"tags": ["edge"]}},
		"pinning.moving_tags": {"pinning": {"moving_tags": "edge"}},
		"pinning.namespaces": {"pinning": {"namespaces": ["*", 7]}},
		"naming.local_hosts": {"naming": {"local_hosts": "yes"}},
		"scan.registry": {"scan": {"registry": ["docker.io"]}},
		"scan.accepted": {"scan": {"accepted": {"CVE-1": "yes"}}},
		"registry.internal": {"registry": {"internal": null}},
	} {
		findings := policy.deny with input as review(["nginx:1"]) with data.image_policy as given
		some finding in findings
		finding.code == "bad-parameter"
		startswith(finding.message, sprintf("data.image_policy.%s is not a parameter", [path]))
	}
}

test_parameters_that_are_no_object_are_a_finding if {
	every given in ["strict", 1, true, false, ["pinning"]] {
		findings := policy.deny with input as review(["nginx:1"]) with data.image_policy as given
		some finding in findings
		finding.code == "bad-parameters"
	}
	findings := policy.deny with input as review(["nginx:1"]) with data.image_policy as null
	findings == set()
}

test_understood_parameters_are_not_findings if {
	findings := policy.deny with input as review(["nginx:1"])
		with data.image_policy as {
			"pinning": {"moving_tags": ["edge"]},
			"naming": {"local_hosts": true},
			"scan": {"registry": "example.com"},
		}
	findings == set()
}

test_findings_carry_code_image_message_and_remedy if {
	findings := policy.deny with input as review(["a b"])
	findings == {{
		"code": "unparsable",
		"image": "a b",
		"message": "not an image reference, so nothing is known about it",
		"remedy": "write it as [registry/]repository[:tag][@digest]",
	}}
}

test_finding_without_annotations_is_one_all_the_same if {
	policy.finding({}, "nginx:1", []) == {
		"code": "denied",
		"image": "nginx:1",
		"message": "denied by the policy",
		"remedy": "see the policy",
	}
}

test_lines if {
	policy.line({"code": "c", "image": "nginx:1", "message": "m", "remedy": "r"}) == "nginx:1: m; r [c]"
	policy.line({"code": "c", "image": "", "message": "m", "remedy": "r"}) == "m; r [c]"
	policy.line("another shape") == "another shape"
	policy.line({"code": "c"}) == `{"code": "c"}`
}

test_odd_images_are_shown_quoted_and_short if {
	policy.shown("nginx:1") == "nginx:1"
	policy.shown("a\nb") == `"a\nb"`
	count(policy.shown(concat("", ["a" | some _ in numbers.range(1, 5000)]))) == 257
}
