package safety

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/yamlx"
)

// FuzzEvaluate is TestEvaluateIsNaive driven by the fuzzer.
func FuzzEvaluate(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkDecision)) }

// TestEvaluateIsNaive: the indexed evaluation says what going through all rules says, in whatever order they stand.
func TestEvaluateIsNaive(t *testing.T) { rapid.Check(t, checkDecision) }

func checkDecision(t *rapid.T) {
	set := drawSet(t)
	snapshot, other := set.compile(t, false), set.compile(t, true)
	if snapshot.Digest() != other.Digest() {
		t.Fatalf("the order counts: %s and %s", snapshot.Canonical(), other.Canonical())
	}
	for range 4 {
		r := drawRequest(t)
		d := Evaluate(snapshot, r)
		verdict, rules, constraints := set.naive(r)
		if d.Verdict.String() != verdict || !slices.Equal(d.Rules, rules) {
			t.Fatalf("%+v: %s by %v, naive %s by %v", r, d.Verdict, d.Rules, verdict, rules)
		}
		if want := mergeAll(t, constraints); !reflect.DeepEqual(d.Constraints, want) {
			t.Fatalf("constraints %+v, those of all matching rules are %+v", d.Constraints, want)
		}
		if again := Evaluate(other, r); !reflect.DeepEqual(d, again) {
			t.Fatalf("one answer is %+v, another %+v", d, again)
		}
		if (d.Verdict == RequireApproval) != (len(d.Approvals) > 0) {
			t.Fatalf("%s with approvals %v", d.Verdict, d.Approvals)
		}
	}
}

// TestAnotherRuleNeverLoosens: whatever a pack adds tightens, and so does whatever an operator adds where something of
// his holds already or everything is allowed.
func TestAnotherRuleNeverLoosens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, r := drawSet(t), drawRequest(t)
		before := Evaluate(set.compile(t, false), r)
		added := drawModel(t, "added")
		heldByRule := slices.ContainsFunc(before.Rules, func(name string) bool { return name[:4] == "base" })
		if rapid.Bool().Draw(t, "of a pack") || (set.Default == Deny && !heldByRule && added.Decision != "DENY") {
			set.Overlays["added"] = []model{added}
		} else {
			set.Base["added"] = []model{added}
		}
		after := Evaluate(set.compile(t, false), r)
		if Stricter(before.Verdict, after.Verdict) != after.Verdict {
			t.Fatalf("%+v turns %s into %s", added, before.Verdict, after.Verdict)
		}
		noLooser(t, before.Constraints, after.Constraints)
		if after.Verdict == RequireApproval && before.Verdict == RequireApproval {
			if len(after.Approvals) < len(before.Approvals) || (before.Expires > 0 && after.Expires > before.Expires) {
				t.Fatalf("approvals %v became %v", before.Approvals, after.Approvals)
			}
		}
	})
}

// TestOverlaysNeverOpen: whatever packs bring, the verdict is at least as strict as without them, and so is every
// constraint.
func TestOverlaysNeverOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, r := drawSet(t), drawRequest(t)
		closed := modelSet{Default: set.Default, Base: set.Base}
		before, after := Evaluate(closed.compile(t, false), r), Evaluate(set.compile(t, false), r)
		if Stricter(before.Verdict, after.Verdict) != after.Verdict {
			t.Fatalf("overlays turn %s into %s", before.Verdict, after.Verdict)
		}
		noLooser(t, before.Constraints, after.Constraints)
	})
}

// TestConcurrentEvaluations: a snapshot gives each goroutine the same answer, also where they overwrite what the
// snapshot remembers.
func TestConcurrentEvaluations(t *testing.T) {
	rules := make([]string, 24)
	for i := range rules {
		rules[i] = fmt.Sprintf(`{"id": "r%d", "match": {"roles": "role%d"}, "decision": "ALLOW", "constraints": [{"type": "MaxTimeout", "value": %d}]}`, i, i, i)
	}
	s := compileRules(t, rules)
	var running sync.WaitGroup
	for g := range 4 {
		running.Go(func() {
			for n := range 5_000 {
				bits := uint32(n*7919 + g)
				r, want := Request{}, 24
				for i := range rules {
					if bits&(1<<i) != 0 {
						r.Roles, want = append(r.Roles, fmt.Sprintf("role%d", i)), min(want, i)
					}
				}
				d := Evaluate(s, r)
				if len(d.Rules) != len(r.Roles) || (want < 24 && d.Constraints[0].Max != int64(want)) || d.Snapshot != s.Digest() {
					t.Errorf("%v: %+v", r.Roles, d)
					return
				}
			}
		})
	}
	running.Wait()
}

// readAll reads constraints as they are written.
func readAll(t *rapid.T, docs []map[string]any) []Constraint {
	var list []Constraint
	for _, doc := range docs {
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var read Constraint
		if err := json.Unmarshal(raw, &read); err != nil {
			t.Fatal(err)
		}
		list = append(list, read)
	}
	return list
}

func mergeAll(t *rapid.T, docs []map[string]any) []Constraint {
	var m merger
	m.add(readAll(t, docs))
	return m.merged()
}

// noLooser: every constraint that held still holds, at least as tight.
func noLooser(t *rapid.T, before, after []Constraint) {
	for i := range before {
		b := &before[i]
		at := slices.IndexFunc(after, func(a Constraint) bool { return a.slot() == b.slot() })
		if at < 0 {
			t.Fatalf("%v is lost in %v", b, after)
		}
		a := &after[at]
		ok := a.Max <= b.Max && (a.Prove || !b.Prove)
		switch families[a.Type] {
		case only:
			ok = ok && subset(a.List, b.List)
		case never:
			ok = ok && subset(b.List, a.List)
		case sandboxes:
			ok = ok && (a.Sandbox.Isolated || !b.Sandbox.Isolated) && narrower(a.Sandbox.Network, b.Sandbox.Network) &&
				narrower(a.Sandbox.FsReadOnly, b.Sandbox.FsReadOnly) && narrower(a.Sandbox.FsReadWrite, b.Sandbox.FsReadWrite)
		case rates:
			ok = ok && a.Rate.Limit <= b.Rate.Limit
		case budgets:
			ok = ok && lower(a.Budget.PerRun, b.Budget.PerRun) && lower(a.Budget.PerDay, b.Budget.PerDay)
		}
		if !ok {
			t.Fatalf("%+v became %+v", b, a)
		}
	}
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

func narrower(a, b []string) bool { return b == nil || (a != nil && subset(a, b)) }

func lower(a, b *float64) bool { return b == nil || (a != nil && *a <= *b) }

// TestMergeOrder: merging is commutative, associative and idempotent, so the order of rules cannot matter.
func TestMergeOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := readAll(t, rapid.SliceOfN(rapid.Custom(drawConstraint), 1, 8).Draw(t, "constraints"))
		merge := func(lists ...[]Constraint) []Constraint {
			var m merger
			for _, l := range lists {
				m.add(l)
			}
			return m.merged()
		}
		want := merge(list)
		cut := rapid.IntRange(0, len(list)).Draw(t, "cut")
		shuffled := rapid.Permutation(list).Draw(t, "shuffled")
		for _, got := range [][]Constraint{merge(shuffled), merge(merge(list[cut:]), merge(list[:cut])), merge(want, want), merge(want, list)} {
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v and %+v", got, want)
			}
		}
		noLooser(t, list, want)
	})
}

// TestCanonicalIsRead: the canonical form means what was written.
func TestCanonicalIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := drawSet(t)
		s := set.compile(t, false)
		n, err := yamlx.Parse(s.Canonical(), yamlx.JSON)
		if err != nil {
			t.Fatal(err)
		}
		back, problems := ParsePolicy(n, "")
		if back == nil || back.Digest() != s.Digest() {
			t.Fatalf("%s reads back with %v", s.Canonical(), problems)
		}
		r := drawRequest(t)
		if a, b := Evaluate(s, r), Evaluate(back, r); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v became %+v", a, b)
		}
	})
}

// FuzzPolicyParse: no document makes the reader fail, refusal has a reason, and what is accepted has one canonical form.
func FuzzPolicyParse(f *testing.F) {
	for _, doc := range policyDocuments {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		n, err := yamlx.Parse(src, yamlx.YAML)
		if err != nil {
			return
		}
		s, problems := ParsePolicy(n, "p.yaml")
		if (s == nil) != Refused(problems) {
			t.Fatalf("snapshot %v with problems %v", s != nil, problems)
		}
		if s == nil {
			return
		}
		again, err := yamlx.Parse(s.Canonical(), yamlx.JSON)
		if err != nil {
			t.Fatalf("%s: %v", s.Canonical(), err)
		}
		back, problems := ParsePolicy(again, "")
		if back == nil || string(back.Canonical()) != string(s.Canonical()) {
			t.Fatalf("%s is read back with %v", s.Canonical(), problems)
		}
		Evaluate(s, Request{Tenant: "acme", Pack: "infra.kubectl", Labels: map[string]string{"env": "production"}, Input: []byte(`{"n":1}`)})
	})
}

// FuzzGlobMatch compares the linear matcher with a regular expression.
func FuzzGlobMatch(f *testing.F) {
	for _, c := range globTable {
		f.Add(c.pattern, c.value)
	}
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if len(pattern) > 200 || len(value) > 1000 || !utf8.ValidString(pattern) || !utf8.ValidString(value) {
			return
		}
		g := newGlob(pattern + "*")
		if got, want := g.match(value), naiveGlob(pattern+"*", value); got != want {
			t.Errorf("%q on %q: %t, want %t", pattern+"*", value, got, want)
		}
	})
}
