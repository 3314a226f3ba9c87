package t

images contains image if image := input.request.object.spec.containers[_].image

images contains image if image := input.request.object.spec.initContainers[_].image

strings_in contains value if {
	walk(input.request.object, [path, value])
	is_string(value)
	path[count(path) - 1] == "image"
}

deep := {concat(".", [sprintf("%v", [p]) | some p in path]) | walk(input.request.object, [path, value]); value == true}

missed := strings_in - images
