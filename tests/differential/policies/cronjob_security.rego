package t

spec := input.request.object.spec.jobTemplate.spec.template.spec

deny contains "root" if not spec.securityContext.runAsNonRoot

deny contains sprintf("%v: %v", [c.name, key]) if {
	some c in spec.containers
	some key in ["privileged", "allowPrivilegeEscalation"]
	c.securityContext[key]
}

level := "restricted" if count(deny) == 0

else := "baseline" if not "root" in deny

else := "privileged"
