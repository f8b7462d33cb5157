package scheduler

import "strings"

// serves tells whether an advertised topic or pattern covers a topic: "*" stands for one token, a last ">" for one or
// more, as in NATS.
func serves(pattern, topic string) bool {
	if pattern == topic {
		return true
	}
	for {
		p, morePattern, hasPattern := strings.Cut(pattern, ".")
		if p == ">" {
			return !hasPattern && topic != ""
		}
		t, moreTopic, hasTopic := strings.Cut(topic, ".")
		if t == "" || (p != "*" && p != t) || hasPattern != hasTopic {
			return false
		}
		if !hasPattern {
			return true
		}
		pattern, topic = morePattern, moreTopic
	}
}

// isSubject tells whether a name can be part of a NATS subject as it is. With patterns, the wildcards are allowed as whole
// tokens.
func isSubject(name string, patterns bool) bool {
	if name == "" || len(name) > MaxNameBytes {
		return false
	}
	for rest, more := name, true; more; {
		var token string
		token, rest, more = strings.Cut(rest, ".")
		if token == "" || !isToken(token, patterns) || (token == ">" && more) {
			return false
		}
	}
	return true
}

func isToken(token string, patterns bool) bool {
	if token == "*" || token == ">" {
		return patterns
	}
	for _, r := range token {
		if r <= ' ' || r == 0x7f || r == '*' || r == '>' || r == '\uFFFD' {
			return false
		}
	}
	return true
}
