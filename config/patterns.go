package config

import "strings"

// patterns finds the longest of many patterns that covers a topic without looking at each of them. It does not change once it
// is made.
type patterns struct {
	next map[string]*patterns // by token; "*" is one like any other
	here string               // the pattern that ends here; "" when none does
	rest string               // the one that ends here with ">"
}

func indexPatterns[T any](topics map[string]T) *patterns {
	root := &patterns{}
	for topic := range topics {
		if isPattern(topic) {
			root.add(topic)
		}
	}
	return root
}

func (p *patterns) add(pattern string) {
	tokens := strings.Split(pattern, ".")
	for i, token := range tokens {
		if token == ">" && i == len(tokens)-1 {
			p.rest = pattern
			return
		}
		child := p.next[token]
		if child == nil {
			if child = (&patterns{}); p.next == nil {
				p.next = make(map[string]*patterns)
			}
			p.next[token] = child
		}
		p = child
	}
	p.here = pattern
}

// best is the longest pattern that covers a topic, of those of one length the first by name; "" when none does.
func (p *patterns) best(topic string) string { return p.find(strings.Split(topic, ".")) }

func (p *patterns) find(tokens []string) string {
	if len(tokens) == 0 {
		return p.here
	}
	best := p.rest
	if child := p.next[tokens[0]]; child != nil {
		best = longer(best, child.find(tokens[1:]))
	}
	if any := p.next["*"]; any != nil && tokens[0] != "*" {
		best = longer(best, any.find(tokens[1:]))
	}
	return best
}

func longer(a, b string) string {
	if len(b) > len(a) || len(b) == len(a) && b < a {
		return b
	}
	return a
}
