package a

default allow := false

allow if {
	count(deny) == 0
	not exempt
}

exempt if input.user == "kim"

deny contains container.image if {
	some container in input.spec.containers
	not startswith(container.image, "registry.example/")
}
