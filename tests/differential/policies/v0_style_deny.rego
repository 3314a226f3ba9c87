package t

deny[msg] {
	input.request.kind.kind == "Pod"
	image := input.request.object.spec.containers[_].image
	not startswith(image, "hooli.com/")
	msg := sprintf("image '%v' comes from untrusted registry", [image])
}

allow { count(deny) == 0 }

first = x { x := deny[_] } else = "none" { true }
