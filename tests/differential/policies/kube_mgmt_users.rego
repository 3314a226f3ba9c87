package t

default allow := false

allow if "system:masters" in input.request.userInfo.groups

allow if {
	some role in data.roles[input.request.userInfo.username]
	some rule in data.rules[role]
	rule.verbs[_] in {lower(input.request.operation), "*"}
	glob.match(rule.resource, ["."], lower(input.request.kind.kind))
}

reason := "ok" if allow

else := sprintf("%v may not %v", [input.request.userInfo.username, input.request.operation])
