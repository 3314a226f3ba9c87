package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

rank := {"low": 1, "medium": 2, "high": 3, "critical": 4}

found[image] contains cve if {
	some image in images
	some cve in data.scans[image].vulnerabilities
	rank[lower(cve.severity)] >= rank[data.threshold]
	not cve.id in data.ignored
}

deny contains sprintf("%v: %v", [image, concat(", ", sort({cve.id | some cve in found[image]}))]) if some image, _ in found

unscanned := images - {image | some image, _ in data.scans}
