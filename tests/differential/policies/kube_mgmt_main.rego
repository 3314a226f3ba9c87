package t

main := {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}

default uid := ""

uid := input.request.uid

response := {"allowed": false, "uid": uid, "status": {"message": reason}} if {
	reason := concat(", ", deny)
	reason != ""
} else := {"allowed": true, "uid": uid}

deny contains msg if {
	input.request.kind.kind == "Pod"
	some c in input.request.object.spec.containers
	not startswith(c.image, "registry.example.com/")
	msg := sprintf("image %q comes from an untrusted registry", [c.image])
}
