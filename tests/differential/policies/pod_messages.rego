package t

msgs["a"] := m if m := concat("; ", sort([c.name | some c in input.request.object.spec.containers]))

msgs[c.name] := c.image if some c in input.request.object.spec.containers

all := concat("\n", [$"{k}: {v}" | some k, v in msgs])
