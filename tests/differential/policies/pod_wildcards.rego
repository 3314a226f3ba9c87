package t

hosts := {h | h := input.request.object.spec.rules[_].host}

deny contains h if {
	some h in hosts
	contains(h, "*")
}

empty if count(hosts) == 0

covered[h] := p if {
	some h in hosts
	some p in data.hosts
	glob.match(p, ["."], h)
}
