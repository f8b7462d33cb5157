package dag

import (
	"math/big"
	"strconv"

	"cordum.dev/cordum/internal/yamlx"
)

// readFanOut reads over what a step is repeated. Whether the list is one is for whoever compiles the expression.
func readFanOut(s *Step, o *Object) {
	if !hasCommon(s.Type, "for_each") {
		return
	}
	s.ForEach = o.Expression("for_each")
	s.MaxParallel = o.Int("max_parallel", 1, MaxItems)
	s.Tolerate = readTolerate(o)
	if o.Get("for_each") != nil {
		return
	}
	for _, name := range []string{"max_parallel", "tolerate"} {
		if o.Get(name) != nil {
			o.report.Errorf(RuleConflicting, o.keyPlace(name), "%s belongs to a fan-out: say for_each as well, or leave it out", name)
		}
	}
}

func readTolerate(step *Object) *Tolerate {
	n := step.Get("tolerate")
	if n == nil {
		return nil
	}
	o := NewObject(n, step.Place("tolerate"), step.report)
	if n.Kind != yamlx.Map {
		return nil
	}
	o.Only([]string{"count", "percent"}, nil)
	t := &Tolerate{Count: o.Int("count", 0, MaxItems), Percent: -1}
	switch hasCount, hasPercent := o.Get("count") != nil, o.Get("percent") != nil; {
	case hasCount && hasPercent:
		o.report.Errorf(RuleConflicting, o.Place("percent"), "tolerate has a count or a percent, not both")
	case !hasCount && !hasPercent:
		o.report.Errorf(RuleMissingField, o.at, "tolerate needs a count or a percent")
	case hasPercent:
		t.Percent = o.Number("percent", 0, 100)
	}
	return t
}

// percentOf is how many whole items of n a percentage is, counted in decimals as it was written: 0.29 % of 100,000 are
// 290, where floating point finds one less.
func percentOf(percent float64, n int) int {
	share, ok := new(big.Rat).SetString(strconv.FormatFloat(percent, 'f', -1, 64))
	if !ok {
		return 0 // no number: nothing is tolerated
	}
	share.Mul(share, big.NewRat(int64(n), 100))
	return int(new(big.Int).Quo(share.Num(), share.Denom()).Int64())
}
