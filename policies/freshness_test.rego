package io.k8s.image_policy_freshness_test

import data.io.k8s.image_policy as policy

review(images, facts) := {
	"spec": {"namespace": "production", "containers": [{"image": "nginx:1.25"}]},
	"images": {"nginx:1.25": images},
	"facts": facts,
}

fresh := {"age_seconds": 60, "platforms": [{"scan": {"age_seconds": 600}}]}

codes(document, given) := {finding.code | some finding in findings; startswith(finding.code, "freshness")} if {
	findings := policy.deny with input as document with data.image_policy as {"freshness": given}
}

test_fresh if codes(review(fresh, {"age_seconds": 3}), {}) == set()

test_without_facts_nothing_is_said if {
	codes({"spec": {"namespace": "production", "containers": [{"image": "nginx:1.25"}]}}, {}) == set()
}

test_the_registry_was_asked_long_ago if {
	old := object.union(fresh, {"age_seconds": 86401})
	codes(review(old, {"age_seconds": 3}), {}) == {"freshness-look"}
	codes(review(old, {"age_seconds": 3}), {"look_seconds": 100000}) == set()
	codes(review(object.union(fresh, {"age_seconds": 0}), {"age_seconds": 3}), {"look_seconds": -1}) == {"freshness-look"}
}

test_nobody_knows_when if {
	codes(review({"platforms": []}, {"age_seconds": 3}), {}) == {"freshness-unknown"}
	codes(review({"age_seconds": null, "platforms": []}, {"age_seconds": 3}), {}) == {"freshness-unknown"}
	codes(review({"age_seconds": "a day", "platforms": []}, {"age_seconds": 3}), {}) == {"freshness-unknown"}
}

test_scanned_long_ago if {
	old := {"age_seconds": 60, "platforms": [{"scan": {"age_seconds": 600}}, {"scan": {"age_seconds": 172801}}]}
	codes(review(old, {"age_seconds": 3}), {}) == {"freshness-scan"}
}

test_messages if {
	old := {"age_seconds": 86401, "platforms": [{"scan": {"age_seconds": 172801}}]}
	findings := policy.deny with input as review(old, {"age_seconds": 3601})
	{finding.message | some finding in findings; startswith(finding.code, "freshness")} == {
		"its registry was last asked 86401 seconds ago",
		"what a scan found was last confirmed 172801 seconds ago",
		"the copy of the facts is 3601 seconds old",
	}
}

test_an_old_copy if codes(review(fresh, {"age_seconds": 3601}), {}) == {"freshness-facts"}

test_namespaces if {
	old := {"age_seconds": 86401, "platforms": [{"scan": {"age_seconds": 172801}}]}
	codes(review(old, {"age_seconds": 3601}), {}) == {"freshness-look", "freshness-scan", "freshness-facts"}
	codes(review(old, {"age_seconds": 3601}), {"namespaces": ["staging"]}) == set()
	codes(review({"platforms": []}, {"age_seconds": 3}), {"namespaces": ["staging"]}) == set()
}
