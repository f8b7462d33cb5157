package safety

import (
	"slices"
	"sort"
	"strings"
)

// indexKey is something that a request has when a rule matches it: an exact value of a field, or a literal of it.
type indexKey struct {
	field field
	kind  keyKind
	key   string // of fieldTag
	value string
}

type keyKind uint8

const (
	keyExact keyKind = iota
	keyHead          // the value begins with it
	keyPart          // the value has it somewhere
)

// eachKey calls f for every key under which a pattern of the criterion could stand.
func (c *criterion) eachKey(f func(indexKey)) {
	for _, v := range c.patterns.exact {
		f(indexKey{c.field, keyExact, c.key, v})
	}
	for i := range c.patterns.globs {
		c.globKeys(&c.patterns.globs[i], f)
	}
}

func (c *criterion) globKeys(g *glob, f func(indexKey)) {
	if g.prefix != "" {
		f(indexKey{c.field, keyHead, c.key, g.prefix})
	}
	for _, literal := range g.middle {
		f(indexKey{c.field, keyPart, c.key, literal})
	}
	if g.suffix != "" {
		f(indexKey{c.field, keyPart, c.key, g.suffix})
	}
}

// keys are those under which a rule has to stand so that the criterion finds it: one for each pattern, the rarest that
// it has. n is how many rules stand there; nil when a glob has no literal at all.
func (c *criterion) keys(crowd map[indexKey]int) (keys []indexKey, n int) {
	for _, v := range c.patterns.exact {
		k := indexKey{c.field, keyExact, c.key, v}
		keys, n = append(keys, k), n+crowd[k]
	}
	for i := range c.patterns.globs {
		var best indexKey
		fewest := 0
		c.globKeys(&c.patterns.globs[i], func(k indexKey) {
			if at := crowd[k]; fewest == 0 || at < fewest {
				best, fewest = k, at
			}
		})
		if fewest == 0 {
			return nil, 0
		}
		keys, n = append(keys, best), n+fewest
	}
	return keys, n
}

// rarest are the keys of the criterion whose values the fewest rules name, nil when none has any.
func (r *rule) rarest(crowd map[indexKey]int) (best []indexKey) {
	fewest := 0
	for i := range r.criteria {
		if keys, n := r.criteria[i].keys(crowd); keys != nil && (best == nil || n < fewest) {
			best, fewest = keys, n
		}
	}
	slices.SortFunc(best, indexKey.compare)
	return slices.Compact(best) // two globs may share their literal
}

func (k indexKey) compare(o indexKey) int {
	if k.kind != o.kind {
		return int(k.kind) - int(o.kind)
	}
	return strings.Compare(k.value, o.value)
}

// literals finds which of many texts a value begins with. The texts that a value begins with are each a beginning of the
// next longer one, and of whatever sorts between them and the value; so they are found on one chain, which starts at the
// last text that does not sort behind the value.
type literals struct {
	texts   []string // sorted
	shorter []int32  // of each: the longest other text that it begins with; -1: none
	rules   [][]int32
	first   [256 / 64]uint64 // the bytes that texts begin with
}

func (l *literals) put(text string, rules []int32) {
	l.texts, l.rules = append(l.texts, text), append(l.rules, rules)
	l.first[text[0]/64] |= 1 << (text[0] % 64)
}

// begins tells whether a text begins with a byte.
func (l *literals) begins(b byte) bool { return l.first[b/64]&(1<<(b%64)) != 0 }

func (l *literals) Len() int           { return len(l.texts) }
func (l *literals) Less(i, j int) bool { return l.texts[i] < l.texts[j] }
func (l *literals) Swap(i, j int) {
	l.texts[i], l.texts[j] = l.texts[j], l.texts[i]
	l.rules[i], l.rules[j] = l.rules[j], l.rules[i]
}

// link sorts the texts and finds of each its next shorter one.
func (l *literals) link() {
	sort.Sort(l)
	l.shorter = make([]int32, len(l.texts))
	for i := range l.texts {
		at := int32(i) - 1
		for at >= 0 && !strings.HasPrefix(l.texts[i], l.texts[at]) {
			at = l.shorter[at]
		}
		l.shorter[i] = at
	}
}

// visit judges the rules under every text that the value begins with.
func (l *literals) visit(value string, e *evaluation) {
	at, exact := slices.BinarySearch(l.texts, value)
	if !exact {
		at--
	}
	for i := int32(at); i >= 0; i = l.shorter[i] {
		if strings.HasPrefix(value, l.texts[i]) {
			e.judge(l.rules[i])
		}
	}
}
