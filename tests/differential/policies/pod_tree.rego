package t

by_kind[input.request.kind.kind][input.request.namespace] contains c.name if some c in input.request.object.spec.containers

by_kind.Pod.all contains "x"

counts[k][n] := count(s) if {
	some k, ns in by_kind
	some n, s in ns
}

counts.total := 1
