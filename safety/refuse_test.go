package safety

import (
	"slices"
	"strings"
	"testing"
)

// policyDocuments are good policies of every shape; they are also where the fuzzer begins.
var policyDocuments = []string{
	`{"default": "DENY"}`,
	`{default: ALLOW, bundles: [{name: a, version: "1", description: d, rules: []}], overlays: [{name: b/c, rules: []}]}`,
	"name: acme.production.v1\nrules:\n  - id: prod-write-approval\n    match: {tags: {env: production, risk: [write, 'w*']}, when: \"input.n > 1\"}\n    decision: REQUIRE_APPROVAL\n    reason: why\n    approval: {approvers: ['role:sre', \"principal == 'user:ann'\"], quorum: 2, deny_quorum: 2, expires: 4h, on_expiry: escalate, escalate: [{after: 1h, to: 'role:boss'}], four_eyes: false, exclude_author: true}\n",
	`rules: [{id: x, match: {mcp: {server: a, action: "*"}}, decision: allow_with_constraints, constraints: [{type: MaxTimeout, value: 3600}, {type: RequireIdempotencyKey}, {type: Sandbox, value: {isolated: true, network: []}}, {type: Budget, value: {unit: usd, per_run: 1.5}}, {type: RateLimit, value: {key: topic, per: 1m, limit: 3}, prove: true}]}]`,
	`rules: [{id: x, match: {topics: "job.*"}, decision: throttle}]`,
	`rules: [{id: x, match: {risk_tags: [a]}, decision: allow, constraints: {budgets: {max_runtime_ms: 1500, max_retries: 2}, sandbox: {isolated: true, network_allowlist: [a]}, toolchain: {allowed_tools: [git]}, diff: {max_files: 3, deny_path_globs: ["/etc/*"]}, redaction_level: strict}}]`,
}

func TestAccepted(t *testing.T) {
	for _, doc := range policyDocuments {
		if s, problems := parseText(t, doc); s == nil {
			t.Errorf("%s: %v", doc, problems)
		}
	}
}

// TestRefused: one slip in a rule, and the name under which it is refused.
func TestRefused(t *testing.T) {
	rule := func(rest string) string { return "{name: b, rules: [{id: x, " + rest + "}]}" }
	match := func(m string) string { return rule("decision: DENY, match: " + m) }
	constraint := func(c string) string {
		return rule("match: {pack: a}, decision: ALLOW_WITH_CONSTRAINTS, constraints: " + c)
	}
	approval := func(a string) string { return rule("match: {pack: a}, decision: REQUIRE_APPROVAL, approval: " + a) }
	for _, c := range []struct{ doc, rule string }{
		{`[]`, RuleBadValue},
		{`{}`, RuleMissingField},
		{`{name: b}`, RuleMissingField},
		{`{default: maybe, rules: []}`, RuleBadValue},
		{`{name: b, rules: {}}`, RuleBadValue},
		{`{name: b, rules: [x]}`, RuleBadValue},
		{`{name: b, rules: [], rulez: []}`, RuleUnknownField},
		{`{name: "b c", rules: []}`, RuleBadValue},
		{`{bundles: [{rules: []}]}`, RuleMissingField},
		{`{bundles: [{name: b, rules: []}], overlays: [{name: b, rules: []}]}`, RuleDuplicateID},
		{`{bundles: [{name: b, rules: []}], rules: []}`, RuleUnknownField},
		{`{name: b, rules: [{id: x, match: {pack: a}, decision: DENY}, {id: x, match: {pack: b}, decision: DENY}]}`, RuleDuplicateID},
		{`{name: b, rules: [{match: {pack: a}, decision: DENY}]}`, RuleMissingField},
		{`{name: b, rules: [{id: a/b, match: {pack: a}, decision: DENY}]}`, RuleBadValue},
		{rule(`decision: DENY`), RuleMissingField},
		{rule(`match: {pack: a}`), RuleMissingField},
		{rule(`match: {pack: a}, decision: Deny`), RuleUnknownDecision},
		{rule(`match: {pack: a}, decision: BLOCK`), RuleUnknownDecision},
		{rule(`match: {pack: a}, decision: DENY, aproval: {}`), RuleUnknownField},
		{match(`{}`), RuleEmptyMatch},
		{match(`null`), RuleEmptyMatch},
		{match(`{packs: []}`), RuleEmptyMatch},
		{match(`{pack: ""}`), RuleEmptyMatch},
		{match(`{packs: [a, ""]}`), RuleEmptyMatch},
		{match(`{tags: {}}`), RuleEmptyMatch},
		{match(`{tags: {env: []}}`), RuleEmptyMatch},
		{match(`{mcp: {}}`), RuleEmptyMatch},
		{match(`{when: ""}`), RuleEmptyMatch},
		{match(`{pack: 3}`), RuleBadValue},
		{match(`{tags: {freeze: true}}`), RuleBadValue},
		{match(`{tags: production}`), RuleBadValue},
		{match(`{effect: wriite}`), RuleBadValue},
		{match(`{sources: [cron]}`), RuleBadValue},
		{match(`{sources: "z*"}`), RuleBadValue},
		{match(`{Pack: a}`), RuleUnknownField},
		{match(`{tenant: a}`), RuleUnknownField},
		{match(`{mcp: {sever: a}}`), RuleUnknownField},
		{match(`{pack: a, packs: [a]}`), RuleConflicting},
		{match(`{tool: a, tools: [a]}`), RuleConflicting},
		{match(`{tags: {a: b}, labels: {a: b}}`), RuleConflicting},
		{match(`{when: "input.x =="}`), RuleExpression},
		{match(`{when: "1 + 1"}`), RuleExpression},
		{match(`{when: "ctx.env == 'x'"}`), RuleExpression},
		{match(`{when: "now() > 1"}`), RuleExpression},
		{match(`{when: "steps.a.output == 1"}`), RuleExpression},
		{match(`{when: 3}`), RuleBadValue},
		{match(`{pack: ` + strings.Repeat("a", MaxPattern+1) + `}`), RuleOutOfRange},
		{rule(`match: {pack: a}, decision: ALLOW_WITH_CONSTRAINTS`), RuleMissingField},
		{rule(`match: {pack: a}, decision: DENY, constraints: [{type: MaxRetries, value: 1}]`), RuleConflicting},
		{rule(`match: {pack: a}, decision: ALLOW, approval: {quorum: 1}`), RuleConflicting},
		{constraint(`[]`), RuleMissingField},
		{constraint(`{}`), RuleMissingField},
		{constraint(`x`), RuleBadValue},
		{constraint(`[{value: 1}]`), RuleMissingField},
		{constraint(`[{type: MaxMood, value: 1}]`), RuleUnknownConstraint},
		{constraint(`[{type: MaxTimeout}]`), RuleMissingField},
		{constraint(`[{type: MaxTimeout, value: -1}]`), RuleOutOfRange},
		{constraint(`[{type: MaxTimeout, value: 1.5}]`), RuleBadValue},
		{constraint(`[{type: MaxTimeout, value: "60"}]`), RuleBadValue},
		{constraint(`[{type: MaxTimeout, value: 1, unit: s}]`), RuleUnknownField},
		{constraint(`[{type: MaxTimeout, value: 1, prove: 1}]`), RuleBadValue},
		{constraint(`[{type: RequireIdempotencyKey, value: false}]`), RuleBadValue},
		{constraint(`[{type: EgressAllowlist, value: a}]`), RuleBadValue},
		{constraint(`[{type: DenyPaths, value: []}]`), RuleBadValue},
		{constraint(`[{type: Sandbox, value: {}}]`), RuleMissingField},
		{constraint(`[{type: Sandbox, value: {net: []}}]`), RuleUnknownField},
		{constraint(`[{type: RateLimit, value: {key: tenant, per: 1m}}]`), RuleMissingField},
		{constraint(`[{type: RateLimit, value: {key: team, per: 1m, limit: 1}}]`), RuleBadValue},
		{constraint(`[{type: RateLimit, value: {key: tenant, per: soon, limit: 1}}]`), RuleBadValue},
		{constraint(`[{type: RateLimit, value: {key: tenant, per: 0s, limit: 1}}]`), RuleOutOfRange},
		{constraint(`[{type: Budget, value: {unit: usd}}]`), RuleMissingField},
		{constraint(`[{type: Budget, value: {unit: usd, per_run: -1}}]`), RuleOutOfRange},
		{constraint(`{budgets: {max_runtime: 1}}`), RuleUnknownField},
		{constraint(`{toolchain: {allowed_commands: [ls]}}`), RuleUnknownField},
		{constraint(`{budgets: {}}`), RuleMissingField},
		{approval(`{quorum: 0}`), RuleOutOfRange},
		{approval(`{quorum: two}`), RuleBadValue},
		{approval(`{approvers: []}`), RuleBadValue},
		{approval(`{approvers: [sre]}`), RuleBadValue},
		{approval(`{approvers: ["role:"]}`), RuleBadValue},
		{approval(`{expires: tomorrow}`), RuleBadValue},
		{approval(`{expires: 400d}`), RuleOutOfRange},
		{approval(`{on_expiry: approve}`), RuleBadValue},
		{approval(`{escalate: []}`), RuleBadValue},
		{approval(`{escalate: [{after: 1h}]}`), RuleMissingField},
		{approval(`{four_eyes: maybe}`), RuleBadValue},
		{approval(`{quorom: 2}`), RuleUnknownField},
	} {
		s, problems := parseText(t, c.doc)
		if s != nil || !slices.ContainsFunc(problems, func(p Problem) bool { return p.Rule == c.rule && !p.Warning }) {
			t.Errorf("%.120s\n\twant %s, got %v", c.doc, c.rule, problems)
		}
	}
}

// TestProblemsSayWhere: a person finds the place, and the name that was meant.
func TestProblemsSayWhere(t *testing.T) {
	_, problems := parseText(t, "name: b\nrules:\n  - id: x\n    match: {pack: a}\n    decision: DENNY\n  - id: y\n    match: {pakcs: a}\n    decision: DENY\n")
	if len(problems) != 2 {
		t.Fatalf("%v", problems)
	}
	first, second := problems[0], problems[1]
	if first.Line != 5 || first.Col != 15 || first.Pointer != "/rules/0/decision" || first.Hint != "DENY" || first.File != "p.yaml" {
		t.Errorf("%+v", first)
	}
	if second.Line != 7 || second.Pointer != "/rules/1/match/pakcs" || second.Hint != "packs" || !strings.HasPrefix(second.String(), "p.yaml:7:13: unknown_field: ") {
		t.Errorf("%+v", second)
	}
}

// TestWarnings are told and keep nothing from being used.
func TestWarnings(t *testing.T) {
	for doc, rule := range map[string]string{
		`rules: [{id: x, match: {pack: a}, decision: REQUIRE_APPROVAL, approval: {approvers: ["user:ann"], quorum: 2}}]`: RuleUnapprovable,
		`rules: [{id: x, match: {pack: a}, decision: throttle}]`:                                                         RuleNoRate,
	} {
		s, problems := parseText(t, doc)
		if s == nil || len(problems) != 1 || problems[0].Rule != rule || !problems[0].Warning {
			t.Errorf("%s: %v", doc, problems)
		}
	}
}

// TestOlderShape: what the older shape says is what the newer says.
func TestOlderShape(t *testing.T) {
	older := compileText(t, `rules: [{id: x, match: {topics: "job.*"}, decision: allow, constraints: {budgets: {max_runtime_ms: 1500, max_concurrent_jobs: 4}, sandbox: {network_allowlist: [a]}, diff: {max_lines: 9}}}]`)
	newer := compileText(t, `rules: [{id: x, match: {topics: ["job.*"]}, decision: ALLOW_WITH_CONSTRAINTS, constraints: [{type: MaxTimeout, value: 1}, {type: MaxConcurrent, value: 4}, {type: Sandbox, value: {network: [a]}}, {type: MaxDiffLines, value: 9}]}]`)
	if older.Digest() != newer.Digest() {
		t.Errorf("%s\n%s", older.Canonical(), newer.Canonical())
	}
}

// TestLimits: a set that is too large is refused before it costs anything.
func TestLimits(t *testing.T) {
	many := "{name: b, rules: [" + strings.Repeat("{id: x},", MaxRules+1) + "]}"
	if s, problems := parseText(t, many); s != nil || problems[0].Rule != RuleOutOfRange || len(problems) != 1 {
		t.Errorf("%v", problems)
	}
	slips := "{name: b, rules: [" + strings.Repeat("{id: x},", MaxProblems) + "]}"
	if s, problems := parseText(t, slips); s != nil || len(problems) != MaxProblems || !strings.Contains(problems[MaxProblems-1].Message, "more problems") {
		t.Errorf("%d problems", len(problems))
	}
	if s, problems := Compile(Set{Base: make([]Document, MaxBundles+1)}); s != nil || len(problems) != 1 {
		t.Errorf("%v", problems)
	}
	if s, _ := Compile(Set{Default: RequireApproval}); s != nil {
		t.Error("a default that asks is accepted")
	}
}
