package safety

// Coverage counts which rules of a snapshot decisions came by. It is for one goroutine.
type Coverage struct {
	snapshot *Snapshot
	hits     map[string]int
	requests int
	fallback int
}

// CoverageReport is what a Coverage has counted. Its JSON is stable.
type CoverageReport struct {
	Requests int       `json:"requests"`
	Rules    int       `json:"rules"`
	Hit      int       `json:"hit"`     // rules that matched, or failed, at least once
	Default  int       `json:"default"` // decisions by no rule at all
	Never    []string  `json:"never"`   // rules that never did, as bundle/id, sorted
	Hits     []RuleHit `json:"hits"`    // the others, by name
}

// RuleHit is how often a rule matched.
type RuleHit struct {
	Rule  string `json:"rule"`
	Times int    `json:"times"`
}

// NewCoverage counts for a snapshot.
func NewCoverage(s *Snapshot) *Coverage { return &Coverage{snapshot: s, hits: map[string]int{}} }

// Add counts a decision of the snapshot.
func (c *Coverage) Add(d Decision) {
	c.requests++
	for _, name := range d.Rules {
		c.hits[name]++
	}
	if d.Rule == RuleDefault {
		c.fallback++
	}
}

// Report answers what was counted so far.
func (c *Coverage) Report() CoverageReport {
	out := CoverageReport{Requests: c.requests, Rules: len(c.snapshot.rules), Default: c.fallback, Never: []string{}, Hits: []RuleHit{}}
	for _, r := range c.snapshot.rules {
		if n := c.hits[r.name]; n > 0 {
			out.Hit++
			out.Hits = append(out.Hits, RuleHit{r.name, n})
		} else {
			out.Never = append(out.Never, r.name)
		}
	}
	return out
}

// Percent is the share of rules that matched, from 0 to 100; of a snapshot without rules 100.
func (r *CoverageReport) Percent() float64 {
	if r.Rules == 0 {
		return 100
	}
	return 100 * float64(r.Hit) / float64(r.Rules)
}
