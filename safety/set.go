package safety

import (
	"cmp"
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// Set is what a snapshot is compiled of.
type Set struct {
	// Default holds unless a base rule matches: Deny (the zero value) or Allow.
	Default Verdict
	// Base are the operator's bundles; Overlays those of packs, which can only tighten.
	Base, Overlays []Document
}

// Document is one bundle as it was read.
type Document struct {
	File string // named in problems; may be empty
	Root *yamlx.Node

	pointer string // of Root in the file, when it is not all of it
}

// Compile makes a snapshot of a set. Either every bundle is good, and the problems are warnings, or the snapshot is nil
// and at least one problem is none (Refused). The order of bundles and of their rules means nothing. The nodes are not
// kept.
func Compile(set Set) (*Snapshot, []Problem) {
	r := &reader{conditions: map[string]*condition{}}
	if set.Default != Allow && set.Default != Deny {
		r.errorf(RuleBadValue, place{}, "the default is ALLOW or DENY, not %s", set.Default)
	}
	if n := len(set.Base) + len(set.Overlays); n > MaxBundles {
		r.errorf(RuleOutOfRange, place{}, "the set has %d bundles, the limit is %d", n, MaxBundles)
		return nil, r.problems()
	}
	names := map[string]bool{}
	base := r.bundles(set.Base, false, names)
	overlays := r.bundles(set.Overlays, true, names)
	if r.refused {
		return nil, r.problems()
	}
	canonical, err := canonicalSet(set.Default, base, overlays)
	if err != nil {
		r.errorf(RuleBadValue, place{}, "the set has no canonical form: %v", err)
		return nil, r.problems()
	}
	s := &Snapshot{fallback: set.Default, rules: rulesOf(base, overlays), output: outputRulesOf(base, overlays), bundles: listed(base, overlays)}
	s.index = newIndex(s.rules)
	return seal(s, canonical), r.problems()
}

// rulesOf are the rules of all bundles by name.
func rulesOf(lists ...[]*bundle) []*rule {
	var all []*rule
	for _, bundles := range lists {
		for _, b := range bundles {
			all = append(all, b.rules...)
		}
	}
	slices.SortFunc(all, func(a, b *rule) int { return cmp.Compare(a.name, b.name) })
	return all
}

// ParsePolicy makes a snapshot of a policy file: one bundle {name, rules} with, or without, a default beside them; or a
// whole set {default, bundles, overlays}; or just {default}. An absent default is DENY; in a file of one bundle the name
// may be absent too. File names it in problems. The results are those of Compile.
func ParsePolicy(root *yamlx.Node, file string) (*Snapshot, []Problem) {
	set, problems := ReadSet(root, file)
	if Refused(problems) {
		return nil, problems
	}
	return Compile(set)
}

// ReadSet takes a policy file apart without compiling it, for who adds bundles of other places to it. The file is one that
// ParsePolicy reads; when a problem refuses it the set is empty.
func ReadSet(root *yamlx.Node, file string) (Set, []Problem) {
	r := &reader{}
	at := place{file: file}
	if root == nil || root.Kind != yamlx.Map {
		r.errorf(RuleBadValue, at, "a policy is an object with rules, or with bundles")
		return Set{}, r.problems()
	}
	at.pos = root.Pos
	if r.fallback(root, at); r.refused {
		return Set{}, r.problems()
	}
	set := Set{Default: defaults[text(root.Get("default"))]}
	if root.Get("bundles") == nil && root.Get("overlays") == nil {
		if len(root.Fields) > 1 || root.Get("default") == nil {
			set.Base = []Document{{File: file, Root: single(root)}}
		}
		return set, nil
	}
	r.known(root, at, "policy", "default", "bundles", "overlays")
	set.Base = r.documents(root, "bundles", at)
	set.Overlays = r.documents(root, "overlays", at)
	if r.refused {
		return Set{}, r.problems()
	}
	return set, nil
}

// fallback checks the field default.
func (r *reader) fallback(root *yamlx.Node, at place) {
	n := root.Get("default")
	if n == nil {
		return
	}
	if _, ok := defaults[text(n)]; !ok || n.Kind != yamlx.String {
		r.errorf(RuleBadValue, at.below("default", n.Pos), "default must be ALLOW or DENY")
	}
}

// documents are the bundles of a list.
func (r *reader) documents(root *yamlx.Node, field string, at place) []Document {
	n := root.Get(field)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.List {
		r.errorf(RuleBadValue, at.below(field, n.Pos), "a list of bundles is needed here")
		return nil
	}
	docs := make([]Document, 0, len(n.Items))
	for i, item := range n.Items {
		docs = append(docs, Document{File: at.file, Root: item, pointer: "/" + field + "/" + itoa(i)})
	}
	return docs
}

// fileBundle names the rules of a policy file that has no name of its own.
const fileBundle = "policy"

// single is the bundle of a file that has a default beside its rules.
func single(root *yamlx.Node) *yamlx.Node {
	b := &yamlx.Node{Kind: yamlx.Map, Pos: root.Pos}
	for _, f := range root.Fields {
		if f.Key != "default" {
			b.Fields = append(b.Fields, f)
		}
	}
	if b.Get("name") == nil {
		b.Fields = append(b.Fields, yamlx.Field{Key: "name", Pos: root.Pos, Value: &yamlx.Node{Kind: yamlx.String, Pos: root.Pos, Str: fileBundle}})
	}
	return b
}
