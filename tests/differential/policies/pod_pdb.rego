package t

deny contains "no budget" if {
	input.request.kind.kind == "Deployment"
	not covered
}

covered if {
	some b in data.budgets[input.request.namespace]
	every key, value in b.matchLabels { input.request.object.metadata.labels[key] == value }
}
