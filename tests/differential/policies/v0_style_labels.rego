package t

required = {"app", "owner"}

missing[label] {
	required[label]
	not input.request.object.metadata.labels[label]
}

values[label] = value { value := input.request.object.metadata.labels[label] }

default allow = false

allow { count(missing) == 0 }
