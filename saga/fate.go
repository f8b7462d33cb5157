package saga

// Fate is what becomes of one step, or one iteration of it, when its undo turn comes.
type Fate uint8

// The fates.
const (
	Pass Fate = iota // nothing to undo: its turn has ended at once
	Run              // its compensation runs
	Hold             // its compensation waits for a person: nobody knows whether there is something to undo
)

var fateWords = [...]string{"pass", "run", "hold"}

// String is the word people see.
func (f Fate) String() string {
	if int(f) < len(fateWords) {
		return fateWords[f]
	}
	return "unknown"
}

// Outcome is what is known of one step, or one iteration of it, when its undo turn comes. The zero Outcome passes.
type Outcome struct {
	// Executed: it was started, in this round of the run and not undone since. A skipped step was not.
	Executed bool
	// HadEffect: its success was accepted; or it came and was refused, or is still held in quarantine.
	HadEffect bool
	// Unknown: it did not succeed, yet an attempt that a worker accepted has no definite answer, and no later attempt of
	// an idempotent step gave one.
	Unknown bool
	// Declares: it has a compensation. Of a sub-workflow or a loop: what ran inside may have one.
	Declares bool
	// HoldUnknown: its compensation is not to run on an unknown outcome.
	HoldUnknown bool
	// Kept: a passed pivot keeps it.
	Kept bool
}

// Judge decides what becomes of a step at its undo turn. A definite success outweighs attempts before it that nobody
// knows of; a definite failure is never undone.
func Judge(o Outcome) Fate {
	for _, r := range verdicts {
		if r.holds(o) {
			return r.Fate
		}
	}
	return Pass
}

// Rule is one row of the table by which Judge decides: the first row that holds counts.
type Rule struct {
	When  string // what must hold, in the words of the language
	Fate  Fate
	Why   string
	holds func(Outcome) bool
}

// Rules is the table by which Judge decides, for pages that show it. The slice is the caller's.
func Rules() []Rule { return append([]Rule(nil), verdicts...) }

var verdicts = []Rule{
	{"it was not executed", Pass, "what did not run did nothing", func(o Outcome) bool { return !o.Executed }},
	{"a passed pivot keeps it", Pass, "the point of no return has been passed", func(o Outcome) bool { return o.Kept }},
	{"it declares no compensation", Pass, "nothing says how to undo it", func(o Outcome) bool { return !o.Declares }},
	{"its success was accepted, refused, or is held in quarantine", Run, "it had its effect", func(o Outcome) bool { return o.HadEffect }},
	{"its outcome is unknown, when_unknown: hold", Hold, "a second effect could hurt: a person decides", func(o Outcome) bool { return o.Unknown && o.HoldUnknown }},
	{"its outcome is unknown, when_unknown: run", Run, "undoing what may not have happened is harmless", func(o Outcome) bool { return o.Unknown }},
	{"it failed definitely", Pass, "a definite failure had no effect", func(Outcome) bool { return true }},
}
