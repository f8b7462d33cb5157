package safety

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/yamlx"
)

// model is a rule as a test thinks of it: it is written out as a bundle for Compile, and judged by naive code that shares
// nothing with the kernel.
type model struct {
	ID          string
	Match       map[string][]string // plural fields; tags as "tags.env"
	When        string
	Decision    string
	Constraints []map[string]any
	Expires     string
}

// modelSet is a set of models by bundle.
type modelSet struct {
	Default        Verdict
	Base, Overlays map[string][]model
}

var (
	modelPatterns = map[string][]string{
		"packs":     {"infra.kubectl", "infra.*", "*", "billing", "*kube*", "b*g", "infra.*.x"},
		"tools":     {"apply", "delete", "*e*e*", "a*"},
		"tenants":   {"acme", "globex"},
		"roles":     {"dev", "sre", "s*"},
		"risk_tags": {"secrets", "network", "n*"},
		"sources":   {"step", "compensation", "*"},
		"topics":    {"job.a", "job.*", "job.infra.*", "*.kubectl.*", "*.apply", "job.*.a*", "**"},
		"requires":  {"gpu", "*pu", "c*"},
		"tags.env":  {"production", "staging", "*", "prod*"},
		"tags.risk": {"write", "read"},
	}
	modelValues = map[string][]string{
		"packs": {"infra.kubectl", "infra.", "billing", "bg", "", "infra.a.x"}, "tools": {"apply", "delete", "merge", ""},
		"tenants": {"acme", "globex", "Acme"}, "roles": {"dev", "sre", "admin"}, "risk_tags": {"secrets", "network"},
		"sources": {"step", "compensation", "api"}, "requires": {"gpu", "cpu", "kubectl"},
		"topics": {"job.a", "job.", "job.infra.kubectl.apply", "job.a.a", "x.kubectl.y", ""}, "tags.env": {"production", "staging", ""}, "tags.risk": {"write", "read"},
	}
	// modelWhens say what each condition answers for an input n: 1 holds, 0 does not, -1 fails.
	modelWhens = map[string]func(n int) int{
		"input.n > 2":           func(n int) int { return btoi(n > 2) },
		"input.n == 1":          func(n int) int { return btoi(n == 1) },
		"tenant == 'acme'":      nil,
		"input.list[input.n]":   func(n int) int { return map[int]int{0: 1, 1: 0}[n] - btoi(n > 1) },
		"'sre' in roles":        nil,
		"input.n":               func(int) int { return -1 },
		"cost > 1 or cost <= 1": func(int) int { return 1 },
	}
)

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func drawModel(t *rapid.T, id string) model {
	m := model{ID: id, Match: map[string][]string{}}
	fields := yamlx.SortedKeys(modelPatterns)
	for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(fields), 1, 3, rapid.ID[string]).Draw(t, "fields") {
		m.Match[f] = rapid.SliceOfN(rapid.SampledFrom(modelPatterns[f]), 1, 2).Draw(t, f)
	}
	if rapid.IntRange(0, 3).Draw(t, "has when") == 0 {
		m.When = rapid.SampledFrom(yamlx.SortedKeys(modelWhens)).Draw(t, "when")
	}
	m.Decision = rapid.SampledFrom([]string{"ALLOW", "ALLOW", "ALLOW_WITH_CONSTRAINTS", "REQUIRE_APPROVAL", "DENY"}).Draw(t, "decision")
	if m.Decision == "REQUIRE_APPROVAL" {
		m.Expires = rapid.SampledFrom([]string{"", "30m", "4h", "PT5M"}).Draw(t, "expires")
	}
	if m.Decision == "ALLOW_WITH_CONSTRAINTS" || (m.Decision != "DENY" && rapid.IntRange(0, 3).Draw(t, "constrained") == 0) {
		m.Constraints = rapid.SliceOfN(rapid.Custom(drawConstraint), 1, 3).Draw(t, "constraints")
	}
	return m
}

func drawConstraint(t *rapid.T) map[string]any {
	list := func(all ...string) []string { return rapid.SliceOfN(rapid.SampledFrom(all), 1, 3).Draw(t, "list") }
	n := rapid.IntRange(0, 5).Draw(t, "n")
	c := rapid.SampledFrom([]map[string]any{
		{"type": "MaxTimeout", "value": n},
		{"type": "MaxRetries", "value": n},
		{"type": "RequireIdempotencyKey"},
		{"type": "EgressAllowlist", "value": list("a.example", "b.example", "c.example")},
		{"type": "DenyPaths", "value": list("/etc", "/root")},
		{"type": "Sandbox", "value": map[string]any{"isolated": n > 2, "network": list("x", "y"), "fs_read_only": list("/a", "/b")}},
		{"type": "Sandbox", "value": map[string]any{"fs_read_write": list("/w", "/v")}},
		{"type": "RateLimit", "value": map[string]any{"key": "tenant", "per": "1m", "limit": n}},
		{"type": "RateLimit", "value": map[string]any{"key": "tenant", "per": "60s", "limit": n}},
		{"type": "RateLimit", "value": map[string]any{"key": "topic", "per": "1h", "limit": n}},
		{"type": "Budget", "value": map[string]any{"unit": "usd", "per_run": n}},
		{"type": "Budget", "value": map[string]any{"unit": "usd", "per_day": float64(n) + 0.5, "per_run": n + 1}},
		{"type": "Budget", "value": map[string]any{"unit": "tokens", "per_day": n}},
	}).Draw(t, "constraint")
	if rapid.Bool().Draw(t, "prove") {
		c["prove"] = true
	}
	return c
}

func drawSet(t *rapid.T) modelSet {
	s := modelSet{Default: rapid.SampledFrom([]Verdict{Deny, Allow}).Draw(t, "default")}
	draw := func(side string) map[string][]model {
		bundles := map[string][]model{}
		for b := range rapid.IntRange(0, 3).Draw(t, side) {
			var rules []model
			for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
				rules = append(rules, drawModel(t, fmt.Sprintf("r%d", i)))
			}
			bundles[fmt.Sprintf("%s%d", side, b)] = rules
		}
		return bundles
	}
	s.Base, s.Overlays = draw("base"), draw("pack")
	return s
}

func drawRequest(t *rapid.T) Request {
	pick := func(field string) string { return rapid.SampledFrom(modelValues[field]).Draw(t, field) }
	many := func(field string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(modelValues[field]), 0, 2).Draw(t, field)
	}
	r := Request{
		Tenant: pick("tenants"), Pack: pick("packs"), Tool: pick("tools"), Source: pick("sources"),
		Roles: many("roles"), RiskTags: many("risk_tags"), Requires: many("requires"), Topic: pick("topics"),
		Labels: map[string]string{}, Input: json.RawMessage(fmt.Sprintf(`{"n":%d,"list":[true,false]}`, rapid.IntRange(0, 3).Draw(t, "n"))),
	}
	for _, tag := range []string{"env", "risk"} {
		if rapid.Bool().Draw(t, "labelled") {
			r.Labels[tag] = pick("tags." + tag)
		}
		if rapid.IntRange(0, 3).Draw(t, "derived") == 0 {
			r.Derived = map[string]string{tag: pick("tags." + tag)}
		}
	}
	return r
}

// documents writes the set out, bundles and rules in one order or the other.
func (s modelSet) documents(t interface{ Fatalf(string, ...any) }, reverse bool) Set {
	docs := func(bundles map[string][]model) []Document {
		var out []Document
		for _, name := range yamlx.SortedKeys(bundles) {
			var rules []any
			for _, m := range bundles[name] {
				rules = append(rules, m.document())
			}
			if reverse {
				slices.Reverse(rules)
			}
			raw, err := json.Marshal(map[string]any{"name": name, "rules": append([]any{}, rules...)})
			if err != nil {
				t.Fatalf("%v", err)
			}
			n, err := yamlx.Parse(raw, yamlx.JSON)
			if err != nil {
				t.Fatalf("%v", err)
			}
			out = append(out, Document{Root: n})
		}
		if reverse {
			slices.Reverse(out)
		}
		return out
	}
	return Set{Default: s.Default, Base: docs(s.Base), Overlays: docs(s.Overlays)}
}

// compile compiles the set in one order or the other.
func (s modelSet) compile(t interface{ Fatalf(string, ...any) }, reverse bool) *Snapshot {
	snapshot, problems := Compile(s.documents(t, reverse))
	if snapshot == nil {
		t.Fatalf("refused: %v", problems)
	}
	return snapshot
}

func (m model) document() map[string]any {
	match := map[string]any{}
	tags := map[string]any{}
	for f, list := range m.Match {
		if tag, isTag := strings.CutPrefix(f, "tags."); isTag {
			tags[tag] = list
		} else {
			match[f] = list
		}
	}
	if len(tags) > 0 {
		match["tags"] = tags
	}
	if m.When != "" {
		match["when"] = m.When
	}
	out := map[string]any{"id": m.ID, "match": match, "decision": m.Decision}
	if m.Constraints != nil {
		out["constraints"] = m.Constraints
	}
	if m.Expires != "" {
		out["approval"] = map[string]any{"expires": m.Expires}
	}
	return out
}

// judge is what a rule says of a request: nothing (""), or a decision.
func (m model) judge(r Request) string {
	for f, list := range m.Match {
		if !slices.ContainsFunc(valuesOf(f, r), func(v string) bool {
			return v != "" && slices.ContainsFunc(list, func(p string) bool { return naiveGlob(p, v) })
		}) {
			return ""
		}
	}
	switch m.whenAnswers(r) {
	case 0:
		return ""
	case -1:
		return "DENY"
	}
	if m.Constraints != nil && m.Decision == "ALLOW" {
		return "ALLOW_WITH_CONSTRAINTS"
	}
	return m.Decision
}

func (m model) whenAnswers(r Request) int {
	var input struct{ N int }
	_ = json.Unmarshal(r.Input, &input)
	switch m.When {
	case "":
		return 1
	case "tenant == 'acme'":
		return btoi(r.Tenant == "acme")
	case "'sre' in roles":
		return btoi(slices.Contains(r.Roles, "sre"))
	}
	return modelWhens[m.When](input.N)
}

func valuesOf(field string, r Request) []string {
	switch field {
	case "packs":
		return []string{r.Pack}
	case "tools":
		return []string{r.Tool}
	case "tenants":
		return []string{r.Tenant}
	case "sources":
		return []string{r.Source}
	case "roles":
		return r.Roles
	case "risk_tags":
		return r.RiskTags
	case "requires":
		return r.Requires
	case "topics":
		return []string{r.Topic}
	}
	tag := strings.TrimPrefix(field, "tags.")
	if v, derived := r.Derived[tag]; derived {
		return []string{v}
	}
	return []string{r.Labels[tag]}
}

func naiveGlob(pattern, value string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?s)\A` + strings.Join(parts, `.*`) + `\z`).MatchString(value)
}

// naive combines what all rules say, one after another, and gathers their constraints.
func (s modelSet) naive(r Request) (verdict string, rules []string, constraints []map[string]any) {
	order := []string{"", "ALLOW", "ALLOW_WITH_CONSTRAINTS", "REQUIRE_APPROVAL", "DENY"}
	base, overlay := 0, 0
	for _, side := range []struct {
		bundles map[string][]model
		worst   *int
	}{{s.Base, &base}, {s.Overlays, &overlay}} {
		for name, list := range side.bundles {
			for _, m := range list {
				said := m.judge(r)
				if said == "" {
					continue
				}
				rules = append(rules, name+"/"+m.ID)
				*side.worst = max(*side.worst, slices.Index(order, said))
				if m.whenAnswers(r) == 1 {
					constraints = append(constraints, m.Constraints...)
				}
			}
		}
	}
	if base == 0 {
		base = slices.Index(order, s.Default.String())
	}
	verdict = order[max(base, overlay)]
	slices.Sort(rules)
	return verdict, rules, constraints
}
