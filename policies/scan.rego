package io.k8s.image_policy

# METADATA
# title: Vulnerable layers
# description: |
#   In secure namespaces every layer of an image must have been scanned, and no scan may have found a vulnerability
#   that counts. An image of which nothing is known is refused, not taken for clean.
#
#   Facts: data.docker.layers.<repository parts…>.<tag or digest> is an image's manifest, data.clair.layers.<digest>
#   a layer's Clair document. They are about one registry, since those paths name none.
#
#   Parameters, data.image_policy.scan:
#     secure_namespaces ["production"]   where the rule holds; "*" means everywhere
#     registry          "docker.io"      the registry that the facts are about
#     minimum_severity  "Negligible"     the least severity that counts; what has no known severity always counts
#     accepted          []               names of vulnerabilities that do not count
topics["scan"] := {
	"secure_namespaces": ["production"],
	"registry": "docker.io",
	"minimum_severity": "Negligible",
	"accepted": [],
}

# METADATA
# title: Vulnerabilities in a layer
# custom:
#   code: scan-vulnerable
#   message: "known vulnerabilities in its layers: %d (%s)"
#   remedy: rebuild it on patched packages and use the new tag
deny contains finding(rego.metadata.rule(), image, [count(names), summary(names)]) if {
	within(parameters.scan.secure_namespaces)
	some image, reference in references
	names := union({vulnerable[layer.digest] | some layer in manifest(reference).layers})
	count(names) > 0
}

# METADATA
# title: Not known to be clean
# custom:
#   code: scan-unknown
#   message: "not known to be clean: %s"
#   remedy: have it synchronised and scanned, then try again
deny contains finding(rego.metadata.rule(), image, [unknown(reference)]) if {
	within(parameters.scan.secure_namespaces)
	some image, reference in references
}

# Why an image cannot be judged; undefined when every one of its layers has been scanned.
unknown(reference) := sprintf("nothing is known about registry %s", [reference.registry]) if {
	reference.registry != parameters.scan.registry
} else := "its manifest is not known" if {
	not manifest(reference)
} else := "its manifest lists no layers" if {
	not layered(manifest(reference))
} else := sprintf("%d of its layers have not been scanned, the first is %v", [count(missing), missing[0]]) if {
	missing := [digest_of(layer) |
		some layer in manifest(reference).layers
		not seen(layer)
	]
}

layered(document) if {
	is_array(document.layers)
	count(document.layers) > 0
}

# The manifest of an image of the registry that the facts are about. A digest in the reference wins over its tag.
manifest(reference) := document if {
	reference.registry == parameters.scan.registry
	document := stored(split(reference.repository, "/"), version(reference))
}

version(reference) := reference.digest if {
	reference.digest != ""
} else := reference.tag if {
	reference.tag != ""
} else := "latest"

stored([name], key) := data.docker.layers[name][key]

stored([owner, name], key) := data.docker.layers[owner][name][key]

stored([first, second, third], key) := data.docker.layers[first][second][third][key]

stored([first, second, third, fourth], key) := data.docker.layers[first][second][third][fourth][key]

digest_of(layer) := layer.digest if {
	is_string(layer.digest)
} else := "one without a digest"

seen(layer) if scanned[layer.digest]

# A layer without packages has no Features; one that the scanner refused has an Error and no Layer.
scanned[digest] if {
	some digest, document in data.clair.layers
	is_object(document.Layer)
	not document.Error
	listed(object.get(document.Layer, "Features", []))
	not garbled(document.Layer)
}

listed(items) if is_array(items)

listed(items) if is_null(items)

# A package that is no object, or whose vulnerabilities are no list, says nothing of what is in it.
garbled(layer) if {
	some feature in layer.Features
	not legible(feature)
}

legible(feature) if listed(object.get(feature, "Vulnerabilities", []))

# The vulnerabilities that count, by layer.
vulnerable[digest] := names if {
	some digest, document in data.clair.layers
	names := {label(vulnerability) |
		some feature in document.Layer.Features
		some vulnerability in feature.Vulnerabilities
		not disregarded(vulnerability)
	}
	count(names) > 0
}

label(vulnerability) := vulnerability.Name if {
	is_string(vulnerability.Name)
} else := "unnamed"

disregarded(vulnerability) if vulnerability.Name in parameters.scan.accepted

disregarded(vulnerability) if severities[vulnerability.Severity] < severities[parameters.scan.minimum_severity]

severities := {"Negligible": 1, "Low": 2, "Medium": 3, "High": 4, "Critical": 5, "Defcon1": 6}

summary(names) := concat(", ", names) if {
	count(names) <= 3
} else := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 3)), count(names) - 3])
