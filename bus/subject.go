package bus

import (
	"fmt"
	"strings"
)

// checkSubject tells whether s can be published to, or, as a pattern, subscribed to: tokens separated by dots, none
// empty, no white space; "*" and a final ">" only in patterns.
func checkSubject(s string, pattern bool) error {
	if strings.ContainsAny(s, " \t\r\n\x00") {
		return fmt.Errorf("%w: %q has white space", ErrBadSubject, s)
	}
	for rest, more := s, true; more; {
		var token string
		token, rest, more = strings.Cut(rest, ".")
		switch {
		case token == "":
			return fmt.Errorf("%w: %q has an empty token", ErrBadSubject, s)
		case token == "*" && pattern, token == ">" && pattern && !more:
		case token == "*", token == ">":
			return fmt.Errorf("%w: %q has a wildcard where none may be", ErrBadSubject, s)
		}
	}
	return nil
}

// matches tells whether a subject falls under a pattern: "*" stands for one token, a final ">" for one or more.
func matches(pattern, subject string) bool {
	for {
		p, prest, pmore := strings.Cut(pattern, ".")
		if p == ">" && !pmore {
			return true
		}
		s, srest, smore := strings.Cut(subject, ".")
		if p != "*" && p != s {
			return false
		}
		if pmore != smore {
			return false
		}
		if !pmore {
			return true
		}
		pattern, subject = prest, srest
	}
}
