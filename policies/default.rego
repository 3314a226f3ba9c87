# METADATA
# title: Which images may run
# description: |
#   The entry point, `verify`, answers an ImageReview: allowed when no rule has a finding against it. Rule files
#   share this package. Each adds its name and the defaults of its parameters to `topics`, and findings to `deny`.
#   Parameters are read from data.image_policy.<topic>.<parameter>; without that document the defaults hold.
#
#   What is not known is not allowed: a review without images, an image that does not parse and a parameter that
#   no rule understands are findings, as is a policy of which this file alone was loaded.
package io.k8s.image_policy

# METADATA
# title: The answer to a review
# entrypoint: true
verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": status,
}

status := {"allowed": true} if {
	count(deny) == 0
} else := {"allowed": false, "reason": concat("; ", [line(denial) | some denial in deny])}

# METADATA
# title: No rule is loaded
# custom:
#   code: no-rules
#   message: no rule is loaded, so nothing can be judged
#   remedy: load the rule files of the policy as well, not default.rego alone
deny contains finding(rego.metadata.rule(), "", []) if count(topics) == 1

# METADATA
# title: The review names no image
# custom:
#   code: no-images
#   message: the review names no image
#   remedy: send an ImageReview whose spec.containers name the images
deny contains finding(rego.metadata.rule(), "", []) if {
	count(images) == 0
	count(imageless) == 0
}

# METADATA
# title: A container without an image
# custom:
#   code: no-image
#   message: container %v of the review has no image string
#   remedy: give every container an image
deny contains finding(rego.metadata.rule(), "", [place]) if some place in imageless

# METADATA
# title: The image is not a reference
# custom:
#   code: unparsable
#   message: not an image reference, so nothing is known about it
#   remedy: write it as [registry/]repository[:tag][@digest]
deny contains finding(rego.metadata.rule(), image, []) if {
	some image in images
	not references[image]
}

# METADATA
# title: A parameter that no rule understands
# custom:
#   code: bad-parameter
#   message: data.image_policy.%v is not a parameter of a loaded rule, or has another type than its default
#   remedy: correct the name or the value, or load the rule that it is meant for
deny contains finding(rego.metadata.rule(), "", [path]) if some path in misunderstood

# METADATA
# title: Parameters that are no object
# custom:
#   code: bad-parameters
#   message: data.image_policy is not an object, so none of its parameters would hold
#   remedy: write it as an object of topics, or leave it out
deny contains finding(rego.metadata.rule(), "", []) if {
	document := data.image_policy
	not is_object(document)
	document != null
}

# Every rule file names itself here, with the defaults of its parameters.
topics["default"] := {}

# The parameters in force: those given, over the defaults.
parameters[topic] := object.union(defaults, given(topic)) if some topic, defaults in topics

given(topic) := data.image_policy[topic] if {
	is_object(data.image_policy[topic])
} else := {}

misunderstood contains topic if {
	some topic, _ in data.image_policy
	not topics[topic]
}

misunderstood contains topic if {
	some topic, values in data.image_policy
	not is_object(values)
}

misunderstood contains sprintf("%v.%v", [topic, name]) if {
	some topic, values in data.image_policy
	some name, value in values
	not understood(topic, name, value)
}

understood(topic, name, value) if well_formed(topics[topic][name], value)

well_formed(wanted, value) if {
	is_array(wanted)
	is_array(value)
	every item in value {
		is_string(item)
	}
}

well_formed(wanted, value) if {
	not is_array(wanted)
	type_name(wanted) == type_name(value)
}

# Whether the review's namespace is among those given, of which "*" means all. Where the review names none, a rule
# that holds anywhere holds there.
within(namespaces) if input.spec.namespace in namespaces

within(namespaces) if "*" in namespaces

within(namespaces) if {
	count(namespaces) > 0
	not named
}

named if {
	is_string(input.spec.namespace)
	input.spec.namespace != ""
}

# The images of the review as they are written, each once.
images contains container.image if {
	some container in input.spec.containers
	is_string(container.image)
}

imageless contains place if {
	some place, container in input.spec.containers
	not imaged(container)
}

imaged(container) if is_string(container.image)

# What each image that parses refers to. Empty: no tag, no digest.
references[image] := reference if {
	some image in images
	reference := parse(image)
}

# The grammar and the normalisation that container runtimes use. A host keeps its spelling.
parse(image) := {"registry": registry, "repository": repository, "tag": tag, "digest": digest} if {
	not regex.match(`^[a-f0-9]{64}$`, image)
	some [_, host, path, tag, digest] in regex.find_all_string_submatch_n(grammar, image, 1)
	not misplaced(host, path)
	registry := object.get({"": "docker.io", "index.docker.io": "docker.io"}, host, host)
	repository := qualified(registry, path)
	count(repository) <= 255
}

# The first of several parts can only be meant as a host when it holds a dot. Where it is none, as my_host.example, nobody
# knows whom a runtime would ask.
misplaced("", path) if {
	contains(path, "/")
	contains(split(path, "/")[0], ".")
}

qualified("docker.io", path) := sprintf("library/%s", [path]) if {
	not contains(path, "/")
} else := path

qualified(registry, path) := path if registry != "docker.io"

# The first part is a host when it is localhost, holds a dot or a port, is an IPv6 address, or has an upper-case letter.
grammar := concat("", [
	`^(?:(`,
	`localhost(?::[0-9]+)?`,
	`|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)+(?::[0-9]+)?`,
	`|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?:[0-9]+`,
	`|(?:[a-z0-9][a-z0-9-]*)?[A-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`,
	`|\[[a-fA-F0-9:]+\](?::[0-9]+)?`,
	`)/)?`,
	`([a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)`,
	`(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?`,
	`(?:@(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}))?$`,
])

# A finding as the rule's own annotations word it. It is one even where annotations were not kept.
finding(annotations, image, values) := {
	"code": object.get(annotations, ["custom", "code"], "denied"),
	"image": image,
	"message": sprintf(object.get(annotations, ["custom", "message"], "denied by the policy"), values),
	"remedy": object.get(annotations, ["custom", "remedy"], "see the policy"),
}

# One line of the reason. A finding of another shape is shown as it is, never left out.
line(denial) := sprintf("%s: %s; %s [%s]", [shown(denial.image), denial.message, denial.remedy, denial.code]) if {
	denial.image != ""
} else := sprintf("%s; %s [%s]", [denial.message, denial.remedy, denial.code]) if {
	denial.image == ""
} else := sprintf("%v", [denial])

shown(image) := image if {
	regex.match(`^[!-~]{1,255}$`, image)
} else := sprintf("%q", [substring(image, 0, 255)])
