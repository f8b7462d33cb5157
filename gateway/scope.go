package gateway

import (
	"slices"
	"strings"
)

// scopeRead is the scope of everything that only reads.
const scopeRead = "read"

// inScope tells whether a key with these scopes is good for a route of this verb; no verb is reading. A
// key without scopes is good for all that its roles allow.
func inScope(scopes []string, verb string) bool {
	if len(scopes) == 0 {
		return true
	}
	if verb == "" {
		verb = scopeRead
	}
	return slices.ContainsFunc(scopes, func(scope string) bool { return scopeCovers(scope, verb) })
}

// scopeCovers tells whether one scope is wide enough for a verb, or for another scope: "run.*" covers "run.start".
func scopeCovers(scope, verb string) bool {
	if family, wide := strings.CutSuffix(scope, "*"); wide {
		return strings.HasPrefix(verb, family)
	}
	return scope == verb
}

// verbs are the names of everything that changes something, and of reading, sorted: what a scope may say.
func verbs() []string {
	all := []string{scopeRead}
	for _, r := range Routes() {
		if r.Audit != "" {
			all = append(all, r.Audit)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// isScope tells whether a scope means something: a verb, or a family of verbs such as "run.*".
func isScope(scope string, known []string) bool {
	if family, wide := strings.CutSuffix(scope, "*"); wide && !strings.HasSuffix(family, ".") {
		return false
	}
	return slices.ContainsFunc(known, func(verb string) bool { return scopeCovers(scope, verb) })
}
