package scan

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// Set is what to look for. The zero Set looks for nothing.
type Set struct {
	builtin uint64     // bits of the table
	custom  []*Pattern // by name and expression, each once
}

// Pattern is a pattern of a rule: an expression of RE2.
type Pattern struct {
	name, expr string
	re         *regexp.Regexp
}

// groups are the bits of each scanner's patterns.
var groups = func() map[string]uint64 {
	if len(builtin) > 64 {
		panic("scan: a Set has room for 64 patterns")
	}
	bits := map[string]uint64{}
	for k, p := range builtin {
		bits[p.scanner] |= 1 << k
	}
	return bits
}()

// Of is the set of some scanners' patterns; unknown names add nothing.
func Of(scanners ...string) Set {
	var s Set
	for _, name := range scanners {
		s.builtin |= groups[name]
	}
	return s
}

// NewPattern compiles a rule's pattern. The error says what is wrong with it: it does not parse, it is too large, or it
// matches the empty text.
func NewPattern(name, expr string) (*Pattern, error) {
	if len(expr) == 0 || len(expr) > MaxExpr {
		return nil, fmt.Errorf("a pattern is an expression of 1 to %d bytes", MaxExpr)
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the expression is not one of RE2: %w", err)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the expression does not compile: %w", err)
	}
	if len(prog.Inst) > MaxProgram {
		return nil, fmt.Errorf("the expression is too large: its repeats multiply to %d instructions, the limit is %d", len(prog.Inst), MaxProgram)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("the expression does not compile: %w", err)
	}
	if re.MatchString("") {
		return nil, fmt.Errorf("the expression matches the empty text, and so everything")
	}
	return &Pattern{name: name, expr: expr, re: re}, nil
}

// Name is the pattern's name in findings.
func (p *Pattern) Name() string { return p.name }

// Expr is the expression as it was written.
func (p *Pattern) Expr() string { return p.expr }

// With adds patterns of a rule.
func (s Set) With(patterns ...*Pattern) Set {
	s.custom = append(slices.Clone(s.custom), patterns...)
	slices.SortFunc(s.custom, func(a, b *Pattern) int {
		if a.name != b.name {
			return compare(a.name, b.name)
		}
		return compare(a.expr, b.expr)
	})
	s.custom = slices.CompactFunc(s.custom, func(a, b *Pattern) bool { return a.name == b.name && a.expr == b.expr })
	return s
}

// Union looks for what either set looks for.
func (s Set) Union(o Set) Set {
	s.builtin |= o.builtin
	if len(o.custom) > 0 {
		s = s.With(o.custom...)
	}
	return s
}

// Empty tells whether there is nothing to look for.
func (s Set) Empty() bool { return s.builtin == 0 && len(s.custom) == 0 }

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
