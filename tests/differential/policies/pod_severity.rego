package t

score := {"critical": 10, "high": 7, "medium": 4, "low": 1}

scores[image] := s if {
	some image, scan in data.scans
	s := sum([score[lower(v.severity)] | some v in scan.vulnerabilities])
}

worst := max([s | some s in scores])

decision := "deny" if worst > 9

else := "warn" if worst > 3

else := "allow"
