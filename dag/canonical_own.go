package dag

import (
	"slices"
	"time"
)

// The fields of kinds are known here only for their spelling; whether they are right is for their kind to say.
var (
	// ownDurations are those that hold a duration, with the alias that takes seconds.
	ownDurations = map[string]string{"expires": "", "for": "delay_sec"}
	// ownExpressions are, by kind, those that hold an expression.
	ownExpressions = map[string][]string{
		"condition": {"condition"}, "http": {"success"}, "loop": {"while", "until"}, "switch": {"on"}, "wait": {"match"},
	}
	commonSet       = set(commonFields)
	commonSets      = commonSetsByKind()
	compensationSet = set(compensationFields)
)

// commonSetsByKind are the common fields of the kinds that lack some.
func commonSetsByKind() map[string]map[string]bool {
	sets := make(map[string]map[string]bool, len(without))
	for kind := range without {
		sets[kind] = set(CommonFields(kind))
	}
	return sets
}

// commonOf is CommonFields as a set that is made once.
func commonOf(kind string) map[string]bool {
	if s, ok := commonSets[kind]; ok {
		return s
	}
	return commonSet
}

func set(words []string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// ownFields are the fields of the step's kind, as written but for the spelling of durations and of expressions. common
// are those that somebody else writes.
func ownFields(s *Step, common map[string]bool) said {
	out := said{}
	expressions := ownExpressions[s.Type]
	for _, f := range s.Own.Fields {
		if common[f.Key] || (s.Inner != 0 && f.Key == "steps") {
			continue
		}
		v := f.Value.Value()
		if slices.Contains(expressions, f.Key) {
			v = expressionText(v)
		}
		out[f.Key] = v
	}
	for name, alias := range ownDurations {
		out.spellDuration(name, alias)
	}
	switch s.Type {
	case "switch":
		out.eachOf("cases", func(c said) { c.spellExpression("when") })
	case "approval":
		out.eachOf("escalate", func(hop said) { hop.spellDuration("after", "") })
	}
	return out
}

// eachOf spells the objects of a list.
func (s said) eachOf(key string, spell func(said)) {
	list, _ := s[key].([]any)
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			spell(m)
		}
	}
}

func (s said) spellExpression(key string) {
	if v, ok := s[key]; ok {
		s[key] = expressionText(v)
	}
}

// expressionText is an expression's value as text: a boolean is the expression that says it.
func expressionText(v any) any {
	switch v {
	case true:
		return "true"
	case false:
		return "false"
	}
	return v
}

// spellDuration writes a duration in its one spelling. What is no duration (a template, a mistake) stays.
func (s said) spellDuration(name, alias string) {
	if text, ok := s[name].(string); ok {
		if d, err := ParseDuration(text); err == nil {
			s[name] = FormatDuration(d)
		}
	}
	seconds, ok := s[alias].(int64)
	if _, both := s[name]; ok && !both && seconds >= 1 && seconds <= int64(MaxDuration/time.Second) {
		delete(s, alias)
		s[name] = FormatDuration(time.Duration(seconds) * time.Second)
	}
}
