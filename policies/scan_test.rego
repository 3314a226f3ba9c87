package io.k8s.image_policy_scan_test

import data.io.k8s.image_policy as policy

review(images) := {"spec": {"namespace": "production", "containers": [{"image": image} | some image in images]}}

pinned := "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

manifests := {
	"flat": {"1": image(["clean"])},
	"library": {
		"clean": {"1": image(["clean", "bare"]), "latest": image(["clean"]), pinned: image(["clean"])},
		"vulnerable": {"1": image(["clean", "low", "high"]), "2": image(["high"]), "3": image(["odd"])},
		"mixed": {"1": image(["unscanned", "high", "refused"])},
		"numbered": {"1": {"layers": [{"digest": 7}]}},
		"unscanned": {"1": image(["clean", "unscanned"]), "2": {"layers": [{"size": 1}]}},
		"refused": {
			"1": image(["refused"]),
			"2": image(["shapeless"]),
			"3": image(["listless"]),
			"4": image(["broken"]),
			"5": image(["nameless"]),
			"6": image(["garbled"]),
		},
		"layerless": {
			"1": {"config": {"digest": "", "size": 0}},
			"2": {"layers": []},
			"3": {"layers": {"0": {"digest": "clean"}}},
			"4": {"layers": null},
			"5": {"fsLayers": [{"blobSum": "clean"}]},
			"6": "none",
		},
	},
	"a": {"b": {"c": {"1": image(["clean"]), "d": {"1": image(["clean"])}}}},
}

image(layers) := {"layers": [{"digest": layer, "size": 1} | some layer in layers]}

documents := {
	"bare": {"Layer": {"Name": "bare"}},
	"clean": {"Layer": {"Name": "clean", "Features": [{"Name": "zlib", "Version": "1"}]}},
	"null": {"Layer": {"Name": "null", "Features": null}},
	"low": {"Layer": {"Name": "low", "Features": [{"Name": "tar", "Vulnerabilities": [
		{"Name": "CVE-1", "Severity": "Negligible"},
		{"Name": "CVE-2", "Severity": "Low"},
	]}]}},
	"high": {"Layer": {"Name": "high", "Features": [{"Name": "bash", "Vulnerabilities": [
		{"Name": "CVE-3", "Severity": "High"},
		{"Name": "CVE-4", "Severity": "Unknown"},
		{"Name": "CVE-5"},
	]}]}},
	"odd": {"Layer": {"Name": "odd", "Features": [{"Name": "sed", "Vulnerabilities": [{"Severity": "Low"}, {"Name": 7}]}]}},
	"refused": {"Error": {"Message": "could not find layer"}},
	"broken": {"Layer": {"Name": "broken"}, "Error": {"Message": "half done"}},
	"shapeless": {"Layer": "shapeless"},
	"listless": {"Layer": {"Features": {"zlib": {}}}},
	"nameless": {"Layer": {"Features": [{"Name": "zlib", "Vulnerabilities": null}, "zlib"]}},
	"garbled": {"Layer": {"Features": [{"Name": "zlib", "Vulnerabilities": "none"}]}},
	"quiet": {"Layer": {"Features": [{"Name": "zlib", "Vulnerabilities": null}, {"Name": "tar", "Vulnerabilities": []}]}},
}

# The messages by code, for images in production.
messages(images) := {finding.code: finding.message | some finding in findings} if {
	findings := policy.deny with input as review(images)
		with data.docker.layers as manifests
		with data.clair.layers as documents
}

test_defaults if {
	policy.topics.scan == {
		"secure_namespaces": ["production"],
		"registry": "docker.io",
		"minimum_severity": "Negligible",
		"accepted": [],
	}
}

test_scanned_and_clean if {
	messages(["clean:1"]) == {}
	messages(["docker.io/library/clean:1"]) == {}
}

test_names_of_one_to_four_parts_are_found if {
	every reference in ["flat:1", "clean:1", "a/b/c:1", "a/b/c/d:1"] {
		findings := policy.deny with input as review([reference])
			with data.docker.layers as object.union(manifests, {"library": {"flat": {"1": image(["clean"])}}})
			with data.clair.layers as documents
		findings == set()
	}
	policy.stored(["flat"], "1") == image(["clean"]) with data.docker.layers as manifests
}

test_a_digest_wins_over_the_tag if {
	messages([sprintf("clean@%s", [pinned])]) == {}
	messages([sprintf("clean:nosuch@%s", [pinned])]) == {}
	messages([sprintf("vulnerable:1@%s", [pinned])]) == {"scan-unknown": "not known to be clean: its manifest is not known"}
}

test_no_tag_is_latest if {
	messages(["clean"]) == {"pinning-no-tag": "neither a tag nor a digest, which means latest"}
}

test_vulnerable if {
	messages(["vulnerable:2"]) == {"scan-vulnerable": "known vulnerabilities in its layers: 3 (CVE-3, CVE-4, CVE-5)"}
}

test_vulnerabilities_of_all_layers_are_counted if {
	messages(["vulnerable:1"]) == {"scan-vulnerable": "known vulnerabilities in its layers: 5 (CVE-1, CVE-2, CVE-3 and 2 more)"}
}

test_one_bad_image_among_clean_ones if {
	object.keys(messages(["clean:1", "vulnerable:1"])) == {"scan-vulnerable"}
}

test_vulnerability_without_a_name_counts if {
	messages(["vulnerable:3"]) == {"scan-vulnerable": "known vulnerabilities in its layers: 1 (unnamed)"}
}

test_layer_without_document_is_unknown if {
	messages(["unscanned:1"]) == {"scan-unknown": "not known to be clean: 1 of its layers have not been scanned, the first is unscanned"}
	messages(["unscanned:2"]) == {"scan-unknown": "not known to be clean: 1 of its layers have not been scanned, the first is one without a digest"}
	messages(["numbered:1"]) == {"scan-unknown": "not known to be clean: 1 of its layers have not been scanned, the first is one without a digest"}
}

test_layer_without_usable_document_is_unknown if {
	every reference in ["refused:1", "refused:2", "refused:3", "refused:4", "refused:5", "refused:6"] {
		object.keys(messages([reference])) == {"scan-unknown"}
	}
}

test_vulnerable_and_unknown_are_both_said if {
	object.keys(messages(["mixed:1"])) == {"scan-unknown", "scan-vulnerable"}
	messages(["mixed:1"])["scan-unknown"] == "not known to be clean: 2 of its layers have not been scanned, the first is unscanned"
}

test_document_with_null_features_is_scanned if {
	policy.scanned["null"] with data.clair.layers as documents
	policy.scanned.bare with data.clair.layers as documents
	policy.scanned.quiet with data.clair.layers as documents
	not policy.scanned.refused with data.clair.layers as documents
}

test_image_without_layers_is_unknown if {
	every version in ["1", "2", "3", "4", "5", "6"] {
		messages([sprintf("layerless:%s", [version])]) == {"scan-unknown": "not known to be clean: its manifest lists no layers"}
	}
}

test_image_without_manifest_is_unknown if {
	every reference in ["nosuch:1", "clean:nosuch", "nosuch/clean:1", "a/b/c/d/e:1"] {
		messages([reference]) == {"scan-unknown": "not known to be clean: its manifest is not known"}
	}
}

test_no_facts_at_all_is_unknown if {
	findings := policy.deny with input as review(["clean:1"])
	{finding.code | some finding in findings} == {"scan-unknown"}
}

test_facts_are_about_one_registry if {
	every host in ["evil.example", "docker.io:443", "DOCKER.IO"] {
		reference := sprintf("%s/library/clean:1", [host])
		messages([reference])["scan-unknown"] == sprintf("not known to be clean: nothing is known about registry %s", [host])
	}
	object.keys(messages(["evil.example/library/vulnerable:1"])) == {"registry-external", "scan-unknown"}
}

test_registry_of_the_facts_is_a_parameter if {
	given := {"scan": {"registry": "registry.example"}, "registry": {"namespaces": []}}
	findings := policy.deny with input as review(["registry.example/library/clean:1", "library/clean:1"])
		with data.docker.layers as manifests
		with data.clair.layers as documents
		with data.image_policy as given
	{finding.image | some finding in findings} == {"library/clean:1"}
}

test_other_namespaces_are_not_judged if {
	findings := policy.deny with input as object.union(review(["vulnerable:1", "nosuch:1"]), {"spec": {"namespace": "staging"}})
		with data.docker.layers as manifests
		with data.clair.layers as documents
	findings == set()
}

test_secure_namespaces_are_a_parameter if {
	findings := policy.deny with input as object.union(review(["vulnerable:1"]), {"spec": {"namespace": "staging"}})
		with data.docker.layers as manifests
		with data.clair.layers as documents
		with data.image_policy as {"scan": {"secure_namespaces": ["staging"]}}
	{finding.code | some finding in findings} == {"scan-vulnerable"}
}

test_minimum_severity if {
	low := policy.vulnerable.low with data.clair.layers as documents
		with data.image_policy as {"scan": {"minimum_severity": "Low"}}
	low == {"CVE-2"}
	names := policy.vulnerable with data.clair.layers as documents
		with data.image_policy as {"scan": {"minimum_severity": "Critical"}}
	names == {"high": {"CVE-4", "CVE-5"}, "odd": {"unnamed"}}
}

test_a_severity_nobody_knows_as_minimum_lets_nothing_pass if {
	names := policy.vulnerable.low with data.clair.layers as documents
		with data.image_policy as {"scan": {"minimum_severity": "Severe"}}
	names == {"CVE-1", "CVE-2"}
}

test_every_severity_has_its_rank if {
	ranked := ["Negligible", "Low", "Medium", "High", "Critical", "Defcon1"]
	every place, severity in ranked {
		others := array.slice(ranked, 0, place)
		every other in others {
			policy.disregarded({"Name": "CVE-1", "Severity": other}) with data.image_policy as {"scan": {"minimum_severity": severity}}
			not policy.disregarded({"Name": "CVE-1", "Severity": severity}) with data.image_policy as {"scan": {"minimum_severity": other}}
		}
	}
}

test_accepted_vulnerabilities_do_not_count if {
	names := policy.vulnerable with data.clair.layers as documents
		with data.image_policy as {"scan": {"accepted": ["CVE-1", "CVE-2", "CVE-3"]}}
	names == {"high": {"CVE-4", "CVE-5"}, "odd": {"unnamed"}}
}
