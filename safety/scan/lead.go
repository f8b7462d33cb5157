package scan

import (
	"regexp/syntax"
	"sync"
	"unicode"
)

// leadBytes is how many bytes the one pass over a text compares: enough that few other places look alike.
const leadBytes = 4

// leads says, for each byte of a lead and each value of it, which patterns may stand there: bit k is builtin[k].
var leads = sync.OnceValue(func() *[leadBytes][256]uint64 {
	t := new([leadBytes][256]uint64)
	for k, p := range builtin {
		for i, c := range p.leadBytes() {
			for b := range 256 {
				if c.has(byte(b)) {
					t[i][b] |= 1 << k
				}
			}
		}
	}
	return t
})

// leadBytes are the bytes with which a match can begin.
func (p *pattern) leadBytes() [leadBytes]class {
	if p.lead == "" {
		return leadOf(p.expr)
	}
	var lead [leadBytes]class
	for i := range lead {
		lead[i] = anyByte
		if i < len(p.lead) {
			lead[i] = class{}
			lead[i].add(p.lead[i])
		}
	}
	return lead
}

var anyByte = bytesOf("\x00-\xff")

// leadOf are the bytes with which a match of an expression can begin. It may say too much, never too little.
func leadOf(expr string) (lead [leadBytes]class) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic("scan: " + err.Error()) // a built-in expression; every test would say so
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		panic("scan: " + err.Error())
	}
	states := map[uint32]bool{uint32(prog.Start): true}
	for i := range lead {
		next, exact := step(prog, states, &lead[i])
		if !exact {
			for ; i < leadBytes; i++ {
				lead[i] = union(lead[i], anyByte)
			}
			return lead
		}
		states = next
	}
	return lead
}

func union(a, b class) class {
	for i := range a {
		a[i] |= b[i]
	}
	return a
}

// step adds to c the bytes that can follow in some states, and answers the states behind them. It is not exact where a
// character of several bytes can follow, or the match can end.
func step(prog *syntax.Prog, states map[uint32]bool, c *class) (next map[uint32]bool, exact bool) {
	next, exact = map[uint32]bool{}, true
	seen := map[uint32]bool{}
	var visit func(pc uint32)
	visit = func(pc uint32) {
		if seen[pc] {
			return
		}
		seen[pc] = true
		switch inst := &prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			visit(inst.Out)
			visit(inst.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			visit(inst.Out)
		case syntax.InstMatch:
			exact = false
		case syntax.InstFail:
		default:
			exact = addRunes(inst, c) && exact
			next[inst.Out] = true
		}
	}
	for pc := range states {
		visit(pc)
	}
	return next, exact
}

// addRunes adds the first bytes of the characters that an instruction takes. It answers false where some have several.
func addRunes(inst *syntax.Inst, c *class) (single bool) {
	for b := range unicode.MaxASCII + 1 {
		if inst.MatchRune(rune(b)) {
			c.add(byte(b))
		}
	}
	for _, r := range inst.Rune {
		if r > unicode.MaxASCII && !thirdCase(r) { // which no lead looks for
			*c = union(*c, bytesOf("\x80-\xff"))
			return false
		}
	}
	return inst.Op != syntax.InstRuneAny && inst.Op != syntax.InstRuneAnyNotNL
}
