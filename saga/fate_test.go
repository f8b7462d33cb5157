package saga_test

import (
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/saga"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		o    saga.Outcome
		want saga.Fate
	}{
		{"nothing known", saga.Outcome{}, saga.Pass},
		{"never ran", saga.Outcome{Declares: true}, saga.Pass},
		{"succeeded", saga.Outcome{Executed: true, HadEffect: true, Declares: true}, saga.Run},
		{"succeeded, to be held when unknown", saga.Outcome{Executed: true, HadEffect: true, Declares: true, HoldUnknown: true}, saga.Run},
		{"succeeded after an unknown attempt", saga.Outcome{Executed: true, HadEffect: true, Unknown: true, Declares: true, HoldUnknown: true}, saga.Run},
		{"succeeded, nothing undoes it", saga.Outcome{Executed: true, HadEffect: true}, saga.Pass},
		{"failed", saga.Outcome{Executed: true, Declares: true}, saga.Pass},
		{"unknown, run", saga.Outcome{Executed: true, Unknown: true, Declares: true}, saga.Run},
		{"unknown, hold", saga.Outcome{Executed: true, Unknown: true, Declares: true, HoldUnknown: true}, saga.Hold},
		{"unknown, nothing undoes it", saga.Outcome{Executed: true, Unknown: true, HoldUnknown: true}, saga.Pass},
		{"kept", saga.Outcome{Executed: true, HadEffect: true, Declares: true, Kept: true}, saga.Pass},
		{"kept and unknown", saga.Outcome{Executed: true, Unknown: true, Declares: true, HoldUnknown: true, Kept: true}, saga.Pass},
	}
	for _, tt := range tests {
		if got := saga.Judge(tt.o); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// What Judge says follows from what SEMANTICS says of each word, whatever the other words are.
func TestJudgeProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		o := saga.Outcome{
			Executed: flag("executed"), HadEffect: flag("effect"), Unknown: flag("unknown"),
			Declares: flag("declares"), HoldUnknown: flag("hold"), Kept: flag("kept"),
		}
		fate := saga.Judge(o)
		mayHaveHappened := o.Executed && (o.HadEffect || o.Unknown)
		if want := mayHaveHappened && o.Declares && !o.Kept; (fate != saga.Pass) != want {
			t.Fatalf("%+v: %v", o, fate)
		}
		if fate == saga.Hold && (o.HadEffect || !o.Unknown || !o.HoldUnknown) {
			t.Fatalf("%+v is held", o)
		}
	})
}
