package safety

import "slices"

// index finds the rules that a request may match without looking at each. A rule that names exact values in some field
// stands under each value of the one field that tells most; every other rule is always a candidate.
type index struct {
	named  map[indexKey][]int32
	always []int32
	tags   []string // keys of tags under which rules stand, sorted
}

// indexKey is a value of a field, or of a tag.
type indexKey struct {
	field      field
	key, value string
}

// newIndex counts how many rules name each value and puts every rule where it has the fewest neighbours.
func newIndex(rules []*rule) index {
	crowd := map[indexKey]int{}
	for _, r := range rules {
		for i := range r.criteria {
			r.criteria[i].eachKey(func(k indexKey) { crowd[k]++ })
		}
	}
	x := index{named: map[indexKey][]int32{}}
	for i, r := range rules {
		c := r.rarest(crowd)
		if c == nil {
			x.always = append(x.always, int32(i))
			continue
		}
		c.eachKey(func(k indexKey) { x.named[k] = append(x.named[k], int32(i)) })
		if c.field == fieldTag {
			x.tags = append(x.tags, c.key)
		}
	}
	slices.Sort(x.tags)
	x.tags = slices.Compact(x.tags)
	return x
}

// eachKey calls f for each value that a criterion names; for none if it has a glob, which fits more than its name.
func (c *criterion) eachKey(f func(indexKey)) {
	if len(c.patterns.globs) > 0 {
		return
	}
	for _, v := range c.patterns.exact {
		f(indexKey{c.field, c.key, v})
	}
}

// rarest is the criterion whose values the fewest rules name, nil when none names values only.
func (r *rule) rarest(crowd map[indexKey]int) *criterion {
	var best *criterion
	fewest := 0
	for i := range r.criteria {
		n := 0
		r.criteria[i].eachKey(func(k indexKey) { n += crowd[k] })
		if n > 0 && (best == nil || n < fewest) {
			best, fewest = &r.criteria[i], n
		}
	}
	return best
}

// candidates are the numbers of all rules that may match, ascending, each once.
func (x *index) candidates(r *Request) []int32 {
	out := slices.Clone(x.always)
	if len(x.named) == 0 {
		return out
	}
	look := func(f field, key, value string) {
		if value != "" {
			out = append(out, x.named[indexKey{f, key, value}]...)
		}
	}
	for f := range singleFields {
		look(f, "", f.one(r))
	}
	for _, f := range []field{fieldRoles, fieldRiskTags, fieldRequires} {
		for _, v := range f.many(r) {
			look(f, "", v)
		}
	}
	for _, key := range x.tags {
		look(fieldTag, key, r.tag(key))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
