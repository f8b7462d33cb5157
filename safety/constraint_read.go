package safety

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// constraintNames are all types, sorted.
var constraintNames = func() []string { return yamlx.SortedKeys(families) }()

// rateKeys are what a RateLimit may count by.
var rateKeys = []string{"tenant", "principal", "topic"}

// constraints reads those of a rule, in either shape, merged to the tightest.
func (r *reader) constraints(n *yamlx.Node, at place) []Constraint {
	v := n.Get("constraints")
	if v == nil {
		return nil
	}
	at = at.below("constraints", v.Pos)
	var m merger
	switch {
	case v.Kind == yamlx.Null, v.Kind == yamlx.List && len(v.Items) == 0, v.Kind == yamlx.Map && len(v.Fields) == 0:
		r.errorf(RuleMissingField, at, "no constraint is listed; leave the field out where there is none")
	case v.Kind == yamlx.Map:
		m.add(r.older(v, at))
	case v.Kind != yamlx.List:
		r.errorf(RuleBadValue, at, "constraints are a list of {type, value}")
	case len(v.Items) > MaxEntries:
		r.errorf(RuleOutOfRange, at, "a rule has at most %d constraints", MaxEntries)
	default:
		for i, item := range v.Items {
			if c, ok := r.constraint(item, at.below(itoa(i), item.Pos)); ok {
				m.add([]Constraint{c})
			}
		}
	}
	return m.merged()
}

// constraint reads one {type, value, prove}.
func (r *reader) constraint(n *yamlx.Node, at place) (c Constraint, ok bool) {
	if !r.object(n, at, "constraint") {
		return c, false
	}
	r.known(n, at, "constraint", "type", "value", "prove")
	c.Prove = r.flag(n, at, "prove")
	kind := r.needed(n, at, "type")
	if kind == nil {
		return c, false
	}
	c.Type = text(kind)
	family := families[c.Type]
	if family == unknownFamily {
		r.unknown(RuleUnknownConstraint, at.below("type", kind.Pos), c.Type, constraintNames, "constraint")
		return c, false
	}
	if family == flag {
		if v := n.Get("value"); v != nil {
			r.errorf(RuleBadValue, at.below("value", v.Pos), "%s has no value", c.Type)
		}
		return c, true
	}
	v := r.needed(n, at, "value")
	return c, v != nil && r.value(&c, family, v, at.below("value", v.Pos))
}

// value reads a constraint's value; false when it cannot be merged with others.
func (r *reader) value(c *Constraint, f family, v *yamlx.Node, at place) bool {
	switch f {
	case atMost:
		c.Max = r.whole(v, at, 0, math.MaxInt64)
		return true
	case only:
		c.List = r.texts(v, at, 0)
		return true
	case never:
		c.List = r.texts(v, at, 1)
		return true
	}
	if !r.object(v, at, c.Type) {
		return false
	}
	switch f {
	case sandboxes:
		c.Sandbox = r.sandbox(v, at)
		return true
	case rates:
		c.Rate = r.rate(v, at)
		return c.Rate != nil
	case budgets:
		c.Budget = r.budget(v, at)
		return c.Budget != nil
	}
	return false
}

func (r *reader) sandbox(v *yamlx.Node, at place) *Sandbox {
	r.known(v, at, "Sandbox", "isolated", "network", "fs_read_only", "fs_read_write")
	if len(v.Fields) == 0 {
		r.errorf(RuleMissingField, at, "a Sandbox says one of isolated, network, fs_read_only, fs_read_write")
	}
	return &Sandbox{
		Isolated:    r.flag(v, at, "isolated"),
		Network:     r.optionalTexts(v, at, "network"),
		FsReadOnly:  r.optionalTexts(v, at, "fs_read_only"),
		FsReadWrite: r.optionalTexts(v, at, "fs_read_write"),
	}
}

// optionalTexts is nil when the field is absent, and never when it is there.
func (r *reader) optionalTexts(n *yamlx.Node, at place, field string) []string {
	v := n.Get(field)
	if v == nil {
		return nil
	}
	return r.texts(v, at.below(field, v.Pos), 0)
}

func (r *reader) rate(v *yamlx.Node, at place) *RateLimit {
	r.known(v, at, "RateLimit", "key", "per", "limit")
	key, per, limit := r.needed(v, at, "key"), r.needed(v, at, "per"), r.needed(v, at, "limit")
	if key == nil || per == nil || limit == nil {
		return nil
	}
	out := &RateLimit{Key: text(key), Window: text(per), Limit: r.whole(limit, at.below("limit", limit.Pos), 0, math.MaxInt64)}
	if !slices.Contains(rateKeys, out.Key) {
		r.unknown(RuleBadValue, at.below("key", key.Pos), out.Key, rateKeys, "key")
		return nil
	}
	var ok bool
	out.Per, ok = r.duration(per, at.below("per", per.Pos))
	if !ok {
		return nil
	}
	return out
}

func (r *reader) budget(v *yamlx.Node, at place) *Budget {
	r.known(v, at, "Budget", "unit", "per_run", "per_day")
	unit := r.needed(v, at, "unit")
	out := &Budget{PerRun: r.amount(v, at, "per_run"), PerDay: r.amount(v, at, "per_day")}
	if v.Get("per_run") == nil && v.Get("per_day") == nil {
		r.errorf(RuleMissingField, at, "a Budget says per_run, per_day or both")
	}
	if unit == nil {
		return nil
	}
	if out.Unit = text(unit); out.Unit == "" || len(out.Unit) > MaxName {
		r.errorf(RuleBadValue, at.below("unit", unit.Pos), "unit is text of 1 to %d bytes", MaxName)
		return nil
	}
	return out
}

// amount reads a number that is not negative; nil when it is absent.
func (r *reader) amount(n *yamlx.Node, at place, field string) *float64 {
	v := n.Get(field)
	if v == nil {
		return nil
	}
	amount := v.Float
	if v.Kind == yamlx.Int {
		amount = float64(v.Int)
	}
	at = at.below(field, v.Pos)
	switch {
	case v.Kind != yamlx.Int && v.Kind != yamlx.Float:
		r.errorf(RuleBadValue, at, "%s is a number", field)
	case amount < 0:
		r.errorf(RuleOutOfRange, at, "%s is not negative", field)
	}
	return &amount
}

// duration reads one; false when it was reported.
func (r *reader) duration(v *yamlx.Node, at place) (d time.Duration, ok bool) {
	d, err := parseDuration(text(v))
	switch {
	case errors.Is(err, errDurationRange):
		r.errorf(RuleOutOfRange, at, "%v", err)
	case err != nil:
		r.errorf(RuleBadValue, at, "%v", err)
	}
	return d, err == nil
}

// UnmarshalJSON reads what MarshalJSON wrote, as strictly as a bundle is read.
func (c *Constraint) UnmarshalJSON(data []byte) error {
	n, err := yamlx.Parse(data, yamlx.JSON)
	if err != nil {
		return err
	}
	var r reader
	read, _ := r.constraint(n, place{pos: n.Pos})
	if r.refused {
		return fmt.Errorf("%w: %s", ErrInvalidPolicy, r.problems()[0].Message)
	}
	*c = read
	return nil
}

// itoa is an index as JSON pointers write it.
func itoa(i int) string { return strconv.Itoa(i) }

func compare(a, b string) int { return strings.Compare(a, b) }
