package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
)

// RetentionAsk says which rules a plan of retention goes by; nil is the rule in force. Ages are of at most MaxRetentionAge.
type RetentionAsk struct {
	RunAge, JobAge     *time.Duration // since the end; 0: for ever
	RunCount, JobCount *int           // those that began last; 0: any number
}

// RetentionPlan is what the next look for what is not kept any longer would remove, and what it would leave although it is too old
// or too many. Nothing is removed for it.
type RetentionPlan struct {
	At    time.Time       `json:"at"`
	Rules []RetentionRule `json:"rules" doc:"One for each kind of run"`
	Goes  []RetentionPart `json:"goes" doc:"What would be removed"`
	Stays []RetentionPart `json:"stays" doc:"What is too old or too many, and is kept all the same"`
	More  bool            `json:"more" doc:"There is more than was looked at: every number is one of at least"`
}

// RetentionRule is what is kept of a kind of run.
type RetentionRule struct {
	Kind  string `json:"kind" enum:"workflow,job"`
	Age   string `json:"age,omitempty" doc:"Since the end; absent: for ever"`
	Count int    `json:"count,omitempty" doc:"Those that began last; absent: any number"`
}

// RetentionPart is runs of a tenant that have one fate for one reason.
type RetentionPart struct {
	Tenant   string    `json:"tenant"`
	Kind     string    `json:"kind" enum:"workflow,job"`
	Why      string    `json:"why" enum:"age,count,legal_hold,dead_letter,parent,not_settled,unreadable"`
	Runs     int       `json:"runs"`
	Oldest   time.Time `json:"oldest" doc:"When the first of them ended"`
	Newest   time.Time `json:"newest" doc:"When the last of them ended"`
	Examples []string  `json:"examples" doc:"Ids of some"`
}

// rules are the rules that a plan goes by.
func (a *RetentionAsk) rules(cfg RetentionConfig) (RetentionConfig, error) {
	for _, age := range []*time.Duration{a.RunAge, a.JobAge} {
		if age != nil && (*age < 0 || *age > MaxRetentionAge) {
			return cfg, &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("an age is 0 to %s", MaxRetentionAge)}
		}
	}
	for _, count := range []*int{a.RunCount, a.JobCount} {
		if count != nil && (*count < 0 || *count > MaxRetentionPlanned) {
			return cfg, &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("a plan goes by a number of runs of 0 to %d", MaxRetentionPlanned)}
		}
	}
	set(&cfg.Runs.Age, a.RunAge)
	set(&cfg.Runs.Count, a.RunCount)
	set(&cfg.Jobs.Age, a.JobAge)
	set(&cfg.Jobs.Count, a.JobCount)
	return cfg, nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// PlanRetention answers what retention would remove of the caller's tenant now, over all partitions, and what would be left. It looks
// at some runs of each kind only, in each partition those that began first.
func (r *Runner) PlanRetention(ctx context.Context, c Caller, ask RetentionAsk) (RetentionPlan, error) {
	rules, err := ask.rules(r.cfg.Retention)
	if err != nil {
		return RetentionPlan{}, err
	}
	p := retentionPlanner{
		look: retainLook{r: r, now: r.now(), least: map[string]string{}}, tenant: c.Tenant, parts: map[partOfPlan]*RetentionPart{},
		plan: RetentionPlan{Goes: []RetentionPart{}, Stays: []RetentionPart{}},
	}
	p.plan.At = p.look.now
	if p.holds, err = r.legalHolds(ctx); err != nil {
		return RetentionPlan{}, err
	}
	for i := range retainedKinds {
		keep := rules.of(retainedKinds[i].kind)
		rule := RetentionRule{Kind: retainedKinds[i].kind.String(), Count: max(keep.Count, 0)}
		if keep.Age > 0 {
			rule.Age = keep.Age.String()
		}
		p.plan.Rules = append(p.plan.Rules, rule)
		if keep.everything() {
			continue
		}
		if err := p.kind(ctx, retainedKinds[i].kind, keep); err != nil {
			return RetentionPlan{}, fmt.Errorf("plan what goes: %w", err)
		}
	}
	return p.answer(), nil
}

// retentionPlanner is a plan in the making.
type retentionPlanner struct {
	look   retainLook
	tenant string
	holds  []LegalHold
	plan   RetentionPlan
	parts  map[partOfPlan]*RetentionPart
}

type partOfPlan struct {
	kind string
	fate retainFate
}

// kind looks at runs of a kind: in each partition and state at as many as keep the whole bounded.
func (p *retentionPlanner) kind(ctx context.Context, kind engine.Kind, keep Keep) error {
	least, err := p.look.tooMany(ctx, p.tenant, kind, keep.Count)
	if err != nil {
		return err
	}
	states := endStates(kind)
	var open []planned
	for part := range p.look.r.epochs {
		for _, state := range states {
			of := ended{
				p: store.Partition(part), tenant: p.tenant, kind: kind, state: state, least: least, before: p.look.before(keep),
			}
			if of.upTo() != "" {
				open = append(open, planned{of: of})
			}
		}
	}
	// What one partition has no use for, the others may have: each round shares what is left among those that have more.
	for left := retainPlanned; len(open) > 0; {
		if left < len(open) {
			p.plan.More = true
			return nil
		}
		each, more := left/len(open), open[:0:0]
		for _, at := range open {
			n, err := p.state(ctx, &at, each)
			if err != nil {
				return err
			}
			if left -= max(n, 1); !at.over {
				more = append(more, at)
			}
		}
		open = more
	}
	return nil
}

// planned is how far a plan has come with the runs of a partition that ended in one state.
type planned struct {
	of    ended
	after *store.Key // of the last one seen; nil: none yet
	over  bool       // all were seen
}

// state looks at up to n runs that ended in one state, those that began first, and answers at how many.
func (p *retentionPlanner) state(ctx context.Context, at *planned, n int) (int, error) {
	of := at.of
	prefix := statePrefix(of.kind.String(), of.state)
	from := prefix + partRun(of.p, "")
	page, err := p.look.r.store.Scan(ctx, of.p, store.Range{
		Table: store.TableByState, Tenant: of.tenant, From: from, To: from + of.upTo(), After: at.after, Limit: n,
	})
	if err != nil {
		return 0, unread(err)
	}
	at.after, at.over = page.Next, page.Next == nil
	for _, rec := range page.Records {
		run := strings.TrimPrefix(rec.Key.ID, prefix)
		h, f, err := p.look.fateOf(ctx, of, run, p.holds)
		if err != nil {
			return 0, err
		}
		if f != fateKept {
			p.note(of.kind, run, f, h.EndedAt)
		}
	}
	return len(page.Records), nil
}

func (p *retentionPlanner) note(kind engine.Kind, run string, f retainFate, ended time.Time) {
	key := partOfPlan{kind.String(), f}
	part := p.parts[key]
	if part == nil {
		part = &RetentionPart{Tenant: p.tenant, Kind: key.kind, Why: string(f), Oldest: ended, Newest: ended}
		p.parts[key] = part
	}
	part.Runs++
	if !ended.IsZero() && (part.Oldest.IsZero() || ended.Before(part.Oldest)) { // of one that cannot be read it is not known
		part.Oldest = ended
	}
	if ended.After(part.Newest) {
		part.Newest = ended
	}
	if len(part.Examples) < retainExamples {
		part.Examples = append(part.Examples, run)
	}
}

// answer is the plan, in an order that does not change.
func (p *retentionPlanner) answer() RetentionPlan {
	for key, part := range p.parts {
		if key.fate.goes() {
			p.plan.Goes = append(p.plan.Goes, *part)
		} else {
			p.plan.Stays = append(p.plan.Stays, *part)
		}
	}
	for _, parts := range [][]RetentionPart{p.plan.Goes, p.plan.Stays} {
		slices.SortFunc(parts, func(a, b RetentionPart) int {
			return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Why, b.Why)) // those of workflows first
		})
	}
	return p.plan
}
