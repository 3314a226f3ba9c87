package t

patches contains {"op": "add", "path": "/metadata/labels", "value": {}} if not input.request.object.metadata.labels

patches contains {"op": "add", "path": path, "value": value} if {
	some key, value in data.defaults.labels
	not input.request.object.metadata.labels[key]
	path := concat("/", ["/metadata/labels", replace(replace(key, "~", "~0"), "/", "~1")])
}

patched := json.patch(input.request.object, [p | some p in patches])

encoded := base64.encode(json.marshal(patches))
