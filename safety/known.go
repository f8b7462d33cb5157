package safety

import (
	"slices"
	"sync"
)

// known remembers the decisions for combinations of matching rules, each of which is the same whenever just those rules
// match. It is what keeps merging constraints and listing names out of the usual evaluation; what it holds changes what
// an answer costs and never what it is. A niche is overwritten by whoever comes last.
type known struct {
	none   Decision // no rule matches
	niches [knownNiches]niche
}

// niche holds one combination; nil: none yet.
type niche struct {
	guard sync.RWMutex
	held  *remembered
}

func (n *niche) get() *remembered {
	n.guard.RLock()
	defer n.guard.RUnlock()
	return n.held
}

func (n *niche) put(r *remembered) {
	n.guard.Lock()
	defer n.guard.Unlock()
	n.held = r
}

const (
	// knownNiches is how many combinations a snapshot remembers.
	knownNiches = 256
	// knownRules bounds the rules of a combination that is worth a niche.
	knownRules = 64
)

// remembered is a decision and the rules that it is made of.
type remembered struct {
	rules    []int32
	decision Decision
}

// decision answers for rules that match, sorted and each once; none of them has failed.
func (k *known) decision(s *Snapshot, rules []int32) Decision {
	if len(rules) == 0 {
		return k.none
	}
	niche := &k.niches[nicheOf(rules)]
	if r := niche.get(); r != nil && slices.Equal(r.rules, rules) {
		return r.decision
	}
	d := findingsOf(s.rules, rules, nil).decide(s.fallback, s.digest)
	if len(rules) <= knownRules {
		niche.put(&remembered{rules: slices.Clone(rules), decision: d.clipped()})
	}
	return d.clipped()
}

// clipped makes appending to a slice of the decision copy it: others hold the same one.
func (d Decision) clipped() Decision {
	d.Rules, d.Constraints, d.Approvals = slices.Clip(d.Rules), slices.Clip(d.Constraints), slices.Clip(d.Approvals)
	return d
}

// nicheOf hashes a combination (FNV-1a over whole numbers).
func nicheOf(rules []int32) uint32 {
	h := uint32(2166136261)
	for _, i := range rules {
		h = (h ^ uint32(i)) * 16777619
	}
	return (h ^ h>>16) % knownNiches
}
