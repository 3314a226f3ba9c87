package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

default now := 1700000000000000000

old contains image if {
	some image in images
	built := time.parse_rfc3339_ns(data.scans[image].built)
	now - built > (90 * 24) * 3600000000000
}

years[image] := time.date(time.parse_rfc3339_ns(data.scans[image].built))[0] if some image in images
