package safety

import (
	"slices"
	"strings"
)

// patterns are the values and globs of one field; one of them is enough.
type patterns struct {
	exact []string // sorted
	globs []glob
	texts []string // all of them as written, sorted
}

func newPatterns(texts []string) patterns {
	slices.Sort(texts)
	p := patterns{texts: slices.Compact(texts)}
	for _, t := range p.texts {
		if strings.Contains(t, "*") {
			p.globs = append(p.globs, newGlob(t))
		} else {
			p.exact = append(p.exact, t)
		}
	}
	return p
}

// match tells whether one of the patterns fits. Nothing fits an empty value: a pattern wants one.
func (p *patterns) match(value string) bool {
	if value == "" {
		return false
	}
	switch len(p.exact) {
	case 0:
	case 1:
		if p.exact[0] == value {
			return true
		}
	default:
		if _, found := slices.BinarySearch(p.exact, value); found {
			return true
		}
	}
	for i := range p.globs {
		if p.globs[i].match(value) {
			return true
		}
	}
	return false
}

// glob is a pattern in which only * is special: it stands for any text, dots and nothing at all included. The pattern
// wants the whole value, and case matters.
type glob struct {
	prefix, suffix string
	middle         []string // literals between two stars, none empty
}

func newGlob(pattern string) glob {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	g := glob{prefix: parts[0], suffix: parts[last]}
	for _, p := range parts[1:last] {
		if p != "" {
			g.middle = append(g.middle, p)
		}
	}
	return g
}

// match takes each literal where it stands first: whatever it leaves over is the most that there can be, so nothing is
// ever tried twice, and the time is linear in the value.
func (g *glob) match(value string) bool {
	if len(value) < len(g.prefix)+len(g.suffix) || !strings.HasPrefix(value, g.prefix) || !strings.HasSuffix(value, g.suffix) {
		return false
	}
	value = value[len(g.prefix) : len(value)-len(g.suffix)]
	for _, literal := range g.middle {
		at := strings.Index(value, literal)
		if at < 0 {
			return false
		}
		value = value[at+len(literal):]
	}
	return true
}

// Glob tells whether a value fits a pattern as the patterns of a match do: only * is special, it crosses dots, and the whole
// value must fit.
func Glob(pattern, value string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == value
	}
	g := newGlob(pattern)
	return g.match(value)
}
