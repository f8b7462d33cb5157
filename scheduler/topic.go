package scheduler

import (
	"strings"

	"cordum.dev/cordum/config"
)

// BuiltinTopics begins the topics of our own workers: no configuration maps them to pools, no pattern covers them, and nothing is
// sent to whoever listens on them.
const BuiltinTopics = "job.cordum."

// serves tells whether an advertised topic or pattern covers a topic. No pattern covers a topic of our own workers: who takes
// everything is not meant for what the server does itself.
func serves(pattern, topic string) bool {
	return pattern == topic || !strings.HasPrefix(topic, BuiltinTopics) && config.Covers(pattern, topic)
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
