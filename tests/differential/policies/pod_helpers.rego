package t

has(o, k) if _ = o[k]

has_path(o, path) if object.get(o, path, "?") != "?"

flags := {k: has(input.request.object.spec, k) | some k in ["hostNetwork", "hostPID", "type"]}

paths := [p | some p in [["metadata", "name"], ["spec", "replicas"], ["spec", "x"]]; has_path(input.request.object, p)]
