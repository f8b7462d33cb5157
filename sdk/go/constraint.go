package cordum

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"cordum.dev/cordum/bus/wire"
)

// Constraint is a condition of the policy's decision under which a job runs. The engine keeps those that it can (timeouts,
// retries, concurrency, sizes of outputs, rates, budgets); the others are the tool's to keep.
type Constraint struct {
	// Type is the word of the policy: EgressAllowlist, FsAllowlist, AllowedTools, DenyPaths, MaxDiffFiles, Sandbox …
	Type string `json:"type"`
	// Value is a number, a list of texts, or an object, as the policy has it; empty where the type takes none.
	Value json.RawMessage `json:"value,omitempty"`
	// Prove says that the job fails without evidence that the constraint held: Job.Prove gives it.
	Prove bool `json:"prove,omitempty"`
}

// Max is the value of a constraint that is a number: seconds, bytes or counts. False when it is none.
func (c Constraint) Max() (n int64, ok bool) {
	ok = json.Unmarshal(c.Value, &n) == nil && len(c.Value) > 0 && string(c.Value) != "null"
	return n, ok
}

// List is the value of a constraint that is a list; an empty allow-list allows nothing. False when it is none.
func (c Constraint) List() (list []string, ok bool) {
	ok = json.Unmarshal(c.Value, &list) == nil && list != nil
	return list, ok
}

// Constraints are the conditions under which the job may run, by type. The slice is shared: it is not to be changed.
func (j Job) Constraints() []Constraint { return j.constraints }

// Constraint answers the job's constraint of a type, and whether it has one. Of the types RateLimit and Budget a job may have
// several: the first is answered.
func (j Job) Constraint(kind string) (Constraint, bool) {
	for _, c := range j.constraints {
		if c.Type == kind {
			return c, true
		}
	}
	return Constraint{}, false
}

// JobUnder answers a job under constraints, as JSON like the policy's: for tests of tools, which make their jobs themselves.
func JobUnder(j Job, constraints []byte) (Job, error) {
	var err error
	j.constraints, err = readConstraints(constraints)
	return j, err
}

// Prove adds evidence that a constraint held to the job's result; given again it replaces what was given before. Of a Max
// type it is the number that was reached, of an allow-list the list of what was used, of DenyPaths the list of paths that were
// touched, else whatever speaks for it. It is kept with the result: no secrets. An error says that it cannot be sent.
func (j Job) Prove(kind string, evidence any) error {
	data, err := json.Marshal(evidence)
	switch {
	case err != nil:
		return fmt.Errorf("cordum: evidence of %s: %w", kind, err)
	case kind == "":
		return errors.New("cordum: evidence names the type of its constraint")
	case j.attempt == nil: // a test of a tool made the Job
		return nil
	}
	return j.attempt.proof.add(kind, data)
}

// Used says how much of a unit the job used up, for budgets of the policy: tokens, cost. Given again, amounts add up. Without
// it what was estimated counts.
func (j Job) Used(unit string, amount float64) error {
	switch {
	case unit == "" || math.IsNaN(amount) || math.IsInf(amount, 0) || amount < 0:
		return fmt.Errorf("cordum: %v of %q is no amount that a budget can count", amount, unit)
	case j.attempt == nil:
		return nil
	}
	return j.attempt.proof.use(unit, amount)
}

// checkDecision verifies the signature of a decision with constraints, where the worker was told whose it must be.
func (a *attempt) checkDecision() error {
	key, r := a.worker.cfg.DecisionKey, a.request
	if len(key) == 0 || len(r.GetConstraints()) == 0 || ed25519.Verify(key, wire.DecisionMessage(r), r.GetDecisionSignature()) {
		return nil
	}
	return Fatal(CodeUnsignedDecision, errors.New("the constraints of the job are not signed by the server"))
}

// readConstraints reads what an attempt has to keep. What cannot be read is no permission.
func readConstraints(raw []byte) (list []Constraint, err error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, Fatal(CodeInvalidConstraints, fmt.Errorf("the constraints of the job cannot be read: %w", err))
	}
	return list, nil
}

// proof is what an attempt's result says besides its output.
type proof struct {
	mu       sync.Mutex
	size     int
	evidence map[string]json.RawMessage
	used     map[string]float64
}

func (p *proof) add(kind string, data json.RawMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := p.size + len(data) - len(p.evidence[kind]) + len(kind) + proofOverhead
	if size > maxProof {
		return fmt.Errorf("cordum: the evidence of a job has at most %d bytes as JSON", maxProof)
	}
	if p.evidence == nil {
		p.evidence = make(map[string]json.RawMessage)
	}
	p.size, p.evidence[kind] = size, data
	return nil
}

func (p *proof) use(unit string, amount float64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.used[unit]; !known && len(p.used) >= maxUnits {
		return fmt.Errorf("cordum: a job uses at most %d units", maxUnits)
	}
	if p.used == nil {
		p.used = make(map[string]float64)
	}
	p.used[unit] += amount
	return nil
}

// attach puts into a result what was said, and what the library itself knows of constraints that want a proof.
func (a *attempt) attach(r *wire.JobResult, took time.Duration) {
	p := &a.proof
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.used) > 0 {
		r.Usage, _ = json.Marshal(p.used) // finite numbers always encode
	}
	if r.GetStatus() != wire.JobStatus_JOB_STATUS_SUCCEEDED {
		return
	}
	evidence := maps.Clone(p.evidence)
	list, _ := readConstraints(a.request.GetConstraints()) // the tool ran: they were read
	for _, c := range list {
		if _, given := evidence[c.Type]; given || !c.Prove {
			continue
		}
		if known := a.known(c.Type, r, took); known != nil {
			if evidence == nil {
				evidence = make(map[string]json.RawMessage)
			}
			evidence[c.Type], _ = json.Marshal(known) // a number or a text
		}
	}
	if len(evidence) > 0 {
		r.Evidence, _ = json.Marshal(evidence) // of what was encoded before
	}
}

// known is the evidence of what the library does for every tool; nil of everything else.
func (a *attempt) known(kind string, r *wire.JobResult, took time.Duration) any {
	switch kind {
	case "MaxTimeout":
		return took.Seconds()
	case "MaxOutputBytes":
		return len(r.GetOutput())
	case "RequireIdempotencyKey":
		return newJob(a).Key
	}
	return nil
}
