package plan

import (
	"strings"

	"cordum.dev/cordum/dag"
)

// Names of the rules that are this package's own. Those of the language are named where they are checked.
const (
	RuleSubflowCycle = "subflow_cycle"
	RuleMissingUndo  = "missing_compensate"
	RuleUnguarded    = "irreversible_unguarded"
	RuleMaybeSkipped = "maybe_skipped_output"
	RuleAlternative  = "alternative_not_tolerated"
	RuleUndoInput    = "compensation_input_missing"
	RuleBadIgnore    = "bad_ignore"
	RuleNotInEffect  = "not_in_effect"
)

// page is where the rules are explained; each has an anchor that is its code in lower case.
const page = "docs/lint.md"

// Rule is one thing that lint looks at, as its page explains it.
type Rule struct {
	Code     string // "CW012"; for ever the same rule's
	Name     string // "unknown_field": what a diagnostic says
	Title    string // a sentence of a few words
	Severity dag.Severity
	// Also are further names under which the rule is known: a word for several rules.
	Also []string
	// About says why it is a rule and what to do.
	About string
	// Bad is a file that breaks it, Good the same file put right. Both are empty where a file that shows it would be
	// too large to read, or is no text.
	Bad, Good string
}

// Is says whether a name means this rule; hyphens are as good as underscores.
func (r *Rule) Is(name string) bool {
	name = strings.ReplaceAll(name, "-", "_")
	if r.Name == name {
		return true
	}
	for _, other := range r.Also {
		if other == name {
			return true
		}
	}
	return false
}

// Docs is where it is explained: a file of the repository, with an anchor.
func (r *Rule) Docs() string { return page + "#" + strings.ToLower(r.Code) }

// group is a chapter of the page.
type group struct {
	title string
	rules []Rule
}

var groups = []group{
	{"The file", fileRules},
	{"Fields", fieldRules},
	{"Steps", stepRules},
	{"Expressions", exprRules},
	{"Saga", sagaRules},
	{"Warnings", warningRules},
}

var ruleByName, ruleByCode = indexRules()

func indexRules() (byName, byCode map[string]*Rule) {
	byName, byCode = map[string]*Rule{}, map[string]*Rule{}
	for _, g := range groups {
		for i := range g.rules {
			r := &g.rules[i]
			byName[r.Name], byCode[r.Code] = r, r
		}
	}
	return byName, byCode
}

// Rules is the whole table, by code. The slice is the caller's.
func Rules() []Rule {
	var out []Rule
	for _, g := range groups {
		out = append(out, g.rules...)
	}
	return out
}

// RuleNamed finds a rule by the name that a diagnostic has, or by its code.
func RuleNamed(name string) (Rule, bool) {
	r := ruleByName[name]
	if r == nil {
		r = ruleByCode[strings.ToUpper(name)]
	}
	if r == nil {
		return Rule{}, false
	}
	return *r, true
}
