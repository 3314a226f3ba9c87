package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

parse(image) := {"registry": registry, "repository": concat("/", rest), "tag": tag} if {
	pieces := split(image, "/")
	count(pieces) > 1
	regex.match(`[.:]|^localhost$`, pieces[0])
	registry := pieces[0]
	last := split(pieces[count(pieces) - 1], ":")
	rest := array.concat(array.slice(pieces, 1, count(pieces) - 1), [last[0]])
	tag := object.get({1: "latest", 2: last[count(last) - 1]}, count(last), "?")
} else := {"registry": "docker.io", "repository": image, "tag": "latest"}

parsed[image] := parse(image) if some image in images

deny contains image if parsed[image].tag == "latest"
