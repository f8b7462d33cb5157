package dag

import (
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

var retryFields = []string{
	"max_attempts", "max_retries", "initial", "initial_backoff_sec", "max", "max_backoff_sec", "multiplier", "jitter", "on", "not_on",
}

// retryAliases are the fields of a retry that a step may have itself, as older definitions do.
var retryAliases = []string{"max_retries", "initial_backoff_sec", "max_backoff_sec"}

// readShortRetry reads a retry that is spelt by fields of the step itself; nil when there are none.
func readShortRetry(step *Object) *Retry {
	short := ""
	for _, name := range retryAliases {
		if step.Get(name) == nil {
			continue
		}
		if short = name; step.Get("retry") != nil {
			step.report.Errorf(RuleConflicting, step.Place(name), "%s is another name of a field of retry: keep one", name)
			return nil
		}
	}
	switch {
	case short == "":
		return nil
	case step.Get("max_retries") == nil:
		step.report.Errorf(RuleMissingField, step.Place(short), "the field max_retries is needed beside %s", short)
		return nil
	}
	return &Retry{
		MaxAttempts: step.Int("max_retries", 0, MaxAttempts-1) + 1,
		Initial:     readBackoff(step, "", "initial_backoff_sec"),
		Max:         readBackoff(step, "", "max_backoff_sec"),
	}
}

func readRetry(step *Object) *Retry {
	n := step.Get("retry")
	if short := readShortRetry(step); short != nil || n == nil {
		return short
	}
	o := NewObject(n, step.Place("retry"), step.report)
	o.Only(retryFields, nil)
	r := &Retry{
		MaxAttempts: readAttempts(o),
		Initial:     readBackoff(o, "initial", "initial_backoff_sec"),
		Max:         readBackoff(o, "max", "max_backoff_sec"),
		Multiplier:  o.Number("multiplier", 1, MaxMultiplier),
		Jitter:      readJitter(o),
		On:          o.Texts("on"),
		NotOn:       o.Texts("not_on"),
	}
	if r.Initial > 0 && r.Max > 0 && r.Initial > r.Max {
		o.report.Errorf(RuleOutOfRange, o.Place(used(o, "initial", "initial_backoff_sec")), "initial is longer than max")
	}
	return r
}

func readAttempts(o *Object) int {
	if o.Either("max_attempts", "max_retries") == "max_retries" {
		return o.Int("max_retries", 0, MaxAttempts-1) + 1
	}
	o.Need("max_attempts")
	return o.Int("max_attempts", 1, MaxAttempts)
}

// readBackoff reads a delay. That it is zero is a matter of range here: the spelling is right, the retry is not.
func readBackoff(o *Object, name, alias string) time.Duration {
	field := used(o, name, alias)
	if n := o.Get(field); n != nil && isZeroDelay(n) {
		o.Either(name, alias)
		o.report.Errorf(RuleOutOfRange, o.Place(field), "%s is longer than nothing", field)
		return 0
	}
	return o.Duration(name, alias)
}

func isZeroDelay(n *yamlx.Node) bool {
	switch n.Kind {
	case yamlx.Int:
		return n.Int == 0
	case yamlx.String:
		return n.Str == "0s" || n.Str == "0ms" || n.Str == "0m"
	}
	return false
}

func used(o *Object, name, alias string) string {
	if o.Get(alias) != nil {
		return alias
	}
	return name
}

func readJitter(o *Object) Jitter {
	if n := o.Get("jitter"); n != nil && (n.Kind == yamlx.Int || n.Kind == yamlx.Float) {
		o.report.Errorf(RuleOutOfRange, o.Place("jitter"), "jitter is full or none")
		return JitterFull
	}
	if o.OneOf("jitter", "full", "none") == "none" {
		return JitterNone
	}
	return JitterFull
}
