package safety

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// errNoEvidence says that nothing was said of a constraint.
var errNoEvidence = errors.New("there is no evidence")

// Proven tells whether evidence, as JSON, says that a constraint held; the error says why it does not, and repeats no value of
// the evidence. Of a Max type it is the number that was reached, of an allow-list the list of what was used, of DenyPaths the
// list of paths that were touched; of all but the Max types anything else that is neither null nor false is the worker's word
// for it.
func (c *Constraint) Proven(evidence json.RawMessage) error {
	var said any
	if len(evidence) == 0 || json.Unmarshal(evidence, &said) != nil || said == nil || said == false {
		return errNoEvidence
	}
	family := families[c.Type]
	if family == atMost {
		reached, is := said.(float64)
		switch {
		case !is || math.IsNaN(reached):
			return errors.New("the evidence is no number")
		case reached > float64(c.Max):
			return fmt.Errorf("the evidence is more than %d", c.Max)
		}
		return nil
	}
	if list, is := said.([]any); is && (family == only || c.Type == DenyPaths) {
		return c.provenBy(list, family == only)
	}
	return nil
}

// provenBy checks what a worker used against what the constraint lists: all of it is listed, or none.
func (c *Constraint) provenBy(used []any, listed bool) error {
	for i, u := range used {
		name, is := u.(string)
		if !is {
			return fmt.Errorf("entry %d of the evidence is no text", i)
		}
		if c.Type == EgressAllowlist {
			name = strings.ToLower(name)
		}
		fits := func(pattern string) bool {
			if c.Type == EgressAllowlist { // hosts have no case
				pattern = strings.ToLower(pattern)
			}
			return Glob(pattern, name)
		}
		if slices.ContainsFunc(c.List, fits) != listed {
			return fmt.Errorf("entry %d of the evidence is not allowed", i)
		}
	}
	return nil
}
