package t

deny contains sprintf("name %q", [name]) if {
	name := input.request.object.metadata.name
	not regex.match(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, name)
}

deny contains "too long" if count(input.request.object.metadata.name) > 10

prefix := substring(input.request.object.metadata.name, 0, 1)
