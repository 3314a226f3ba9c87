package t

limits[c.name] := c.resources.limits if some c in input.request.object.spec.template.spec.containers

over[name] contains kind if {
	some name
	value := limits[name][kind]
	value > data.maximum[kind]
}

unlimited := {c.name | some c in input.request.object.spec.template.spec.containers} - object.keys(limits)

totals[kind] := sum([v | some name; v := limits[name][kind]]) if some kind in ["cpu", "memory"]
