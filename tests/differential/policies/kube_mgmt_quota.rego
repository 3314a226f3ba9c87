package t

total := sum([units.parse_bytes(c.resources.requests.memory) | some c in input.request.object.spec.containers])

deny contains sprintf("asks for %d bytes of %v", [total, data.quota]) if total > units.parse_bytes(data.quota)

largest := max([units.parse_bytes(c.resources.requests.memory) | some c in input.request.object.spec.containers])

average := total / count(input.request.object.spec.containers)
