package b

import future.keywords.or

port(host) := 443 if host == "a" else := 80

names[n] := {"port": port(n)} if some n in ["a", "b"]

ok if {
	every v in names {
		v.port > 0
	}
	names.a.port == 443 or input.any
	x := [y | walk(input, [_, y])] with input.z as {1}
	x[0] = [_, {"k": z}]
	data[input.which].b
}
