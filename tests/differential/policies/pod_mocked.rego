package t

deny contains c.image if {
	some c in input.request.object.spec.containers
	not trusted(c.image)
}

trusted(image) if startswith(image, data.quota)

others := x if x := deny with data.quota as "nginx"

nobody := x if x := count(deny) with input.request.object.spec.containers as []

everybody := x if x := deny with trusted as true
