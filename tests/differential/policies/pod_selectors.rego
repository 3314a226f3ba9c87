package t

selects(labels, selector) if {
	every key, value in selector { labels[key] == value }
}

matching := [name | some name, selector in {"a": {"app": "x"}, "b": {"app": "y"}}; selects(input.request.object.metadata.labels, selector)]

none if matching == []
