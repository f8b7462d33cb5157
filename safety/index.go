package safety

import "slices"

// index finds the rules that a request may match without looking at each. A rule stands under one of its criteria, the
// one whose values the fewest rules name: under each exact value, and for each glob under a literal that every value it
// fits must have. A rule without any, because all its globs are stars or all it has is a when, is always a candidate.
type index struct {
	always []int32
	fields []fieldIndex // of fields with rules under them, tags aside
	tags   map[string]*valueIndex
	keys   []string // of tags, sorted
}

type fieldIndex struct {
	field field
	valueIndex
}

// valueIndex leads from the value of one field to rules.
type valueIndex struct {
	exact map[string][]int32
	heads literals // that globs begin with
	parts literals // that stand somewhere in them
}

// newIndex counts how many rules name each value and puts every rule where it has the fewest neighbours.
func newIndex(rules []*rule) index {
	crowd := map[indexKey]int{}
	for _, r := range rules {
		for i := range r.criteria {
			r.criteria[i].eachKey(func(k indexKey) { crowd[k]++ })
		}
	}
	named, always := map[indexKey][]int32{}, []int32(nil)
	for i, r := range rules {
		keys := r.rarest(crowd)
		if keys == nil {
			always = append(always, int32(i))
		}
		for _, k := range keys {
			named[k] = append(named[k], int32(i))
		}
	}
	return arranged(named, always)
}

// arranged puts rules by their keys into the shape that is searched.
func arranged(named map[indexKey][]int32, always []int32) index {
	x := index{always: always, tags: map[string]*valueIndex{}}
	fields := map[field]*valueIndex{}
	for k, rules := range named {
		x.under(k, fields).put(k, rules)
	}
	for f := range fieldTag {
		if v := fields[f]; v != nil {
			v.link()
			x.fields = append(x.fields, fieldIndex{f, *v})
		}
	}
	for _, v := range x.tags {
		v.link()
	}
	slices.Sort(x.keys)
	return x
}

// under is where a key belongs.
func (x *index) under(k indexKey, fields map[field]*valueIndex) *valueIndex {
	v := fields[k.field]
	if k.field == fieldTag {
		v = x.tags[k.key]
	}
	if v != nil {
		return v
	}
	v = &valueIndex{exact: map[string][]int32{}}
	if k.field == fieldTag {
		x.tags[k.key], x.keys = v, append(x.keys, k.key)
	} else {
		fields[k.field] = v
	}
	return v
}

func (v *valueIndex) put(k indexKey, rules []int32) {
	switch k.kind {
	case keyExact:
		v.exact[k.value] = rules
	case keyHead:
		v.heads.put(k.value, rules)
	case keyPart:
		v.parts.put(k.value, rules)
	}
}

// link ends the making.
func (v *valueIndex) link() {
	v.heads.link()
	v.parts.link()
}

// visit judges every rule that the request may match; a rule may be judged twice.
func (x *index) visit(e *evaluation) {
	e.judge(x.always)
	for i := range x.fields {
		f := &x.fields[i]
		if f.field < singleFields {
			f.visit(f.field.one(e.req), e)
			continue
		}
		for _, value := range f.field.many(e.req) {
			f.visit(value, e)
		}
	}
	x.visitTags(e)
}

// visitTags goes through the tags of the request or those of the rules, whichever are fewer.
func (x *index) visitTags(e *evaluation) {
	r := e.req
	if len(x.keys) <= len(r.Labels)+len(r.Derived) {
		for _, key := range x.keys {
			x.tags[key].visit(r.tag(key), e)
		}
		return
	}
	for key, value := range r.Labels {
		if v := x.tags[key]; v != nil {
			if _, derived := r.Derived[key]; !derived {
				v.visit(value, e)
			}
		}
	}
	for key, value := range r.Derived {
		if v := x.tags[key]; v != nil {
			v.visit(value, e)
		}
	}
}

// visit judges the rules under a value.
func (v *valueIndex) visit(value string, e *evaluation) {
	if value == "" {
		return
	}
	e.judge(v.exact[value])
	if len(v.heads.texts) > 0 {
		v.heads.visit(value, e)
	}
	if len(v.parts.texts) > 0 {
		for i := range len(value) {
			if v.parts.begins(value[i]) {
				v.parts.visit(value[i:], e)
			}
		}
	}
}
