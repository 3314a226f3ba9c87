package t

default allow := false

allow if input.request.operation in {"DELETE", "CONNECT"}

allow if {
	input.request.operation == "UPDATE"
	old := input.request.oldObject.spec
	new := input.request.object.spec
	object.remove(old, ["containers"]) == object.remove(new, ["containers"])
}

changed contains key if {
	some key, value in input.request.object.spec
	value != object.get(input.request.oldObject, ["spec", key], null)
}
