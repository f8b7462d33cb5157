package runner

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// limitName is one limit: of a tenant, or of a run.
type limitName struct {
	tenant string
	id     string // begins with the word of its kind
	label  string // as people read it
	kind   scheduler.LimitKind
	terms  scheduler.LimitTerms // of whom it was named by: what to fear when its record cannot be read
	part   store.Partition
}

// key names a limit among those of all tenants.
func (n limitName) key() string { return n.tenant + "\x00" + n.id }

// The words that a limit's id begins with. That of a rate has its window next.
const (
	budgetPrefix     = "budget/"
	runBudgetPrefix  = "budget-of-run/"
	ratePrefix       = "rate/"
	concurrentPrefix = "concurrent/"
	lockPrefix       = "lock/"
)

// limitKind says which machine a row belongs to, and within which time it forgets; no kind for what is no limit's.
func limitKind(limit string) (scheduler.LimitKind, time.Duration) {
	word, rest, _ := strings.Cut(limit, "/")
	switch word + "/" {
	case budgetPrefix:
		return scheduler.LimitBudget, scheduler.Daily
	case runBudgetPrefix:
		return scheduler.LimitBudget, 0
	case concurrentPrefix:
		return scheduler.LimitConcurrent, 0
	case lockPrefix:
		return scheduler.LimitLock, 0
	case ratePrefix:
		window, _, _ := strings.Cut(rest, "/")
		per, err := time.ParseDuration(window)
		if err != nil {
			return 0, 0
		}
		return scheduler.LimitRate, per
	}
	return 0, 0
}

// limitID joins the parts of a limit's id so that different parts never give the same one, in few bytes.
func limitID(prefix string, parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	joined := strings.Join(parts, "/")
	if len(joined) > maxLimitName {
		joined = ETag([]byte(joined))
	}
	return prefix + joined
}

// maxLimitName is the longest name of a limit that is kept as it is; of a longer one its digest is.
const maxLimitName = 300

// limit names one of a tenant. It lives where its name's hash says.
func (r *Runner) limit(tenant string, kind scheduler.LimitKind, label, limit string, terms scheduler.LimitTerms) limitName {
	n := limitName{tenant: tenant, id: limit, label: label, kind: kind, terms: terms}
	n.part = store.Partition(id.HashPartition(n.key(), len(r.epochs)))
	return n
}

// wants are the limits of a job, in the fixed order in which all jobs ask: those that its decision names, those of its topic, and
// its lock.
func (lr *live) wants(r *Runner, step int32) []want {
	j := lr.jobs[step]
	if j == nil {
		return nil
	}
	out := append(lr.constraintWants(r, step), r.topicWants(j.Topic)...)
	if j.Lock != "" {
		out = append(out, lr.lockWant(r, step))
	}
	slices.SortStableFunc(out, func(a, b want) int {
		if d := limitOrder[a.name.kind] - limitOrder[b.name.kind]; d != 0 {
			return d
		}
		return strings.Compare(a.name.key(), b.name.key())
	})
	return out
}

// constraintWants are the limits that the decision about a job names.
func (lr *live) constraintWants(r *Runner, step int32) (out []want) {
	j := lr.jobs[step]
	if len(j.Constraints) == 0 {
		return nil
	}
	list, err := lr.constraints(step)
	if err != nil { // a limit of 0: it is refused
		return []want{{name: r.limit(lr.run.Tenant, scheduler.LimitConcurrent, "of constraints that cannot be read", concurrentPrefix, scheduler.LimitTerms{})}}
	}
	for i := range list {
		switch c := &list[i]; c.Type {
		case safety.BudgetType:
			out = append(out, lr.budgetWants(r, step, c.Budget)...)
		case safety.RateLimitType:
			out = append(out, lr.rateWant(r, step, c.Rate))
		case safety.MaxConcurrent:
			terms := scheduler.LimitTerms{Max: c.Max}
			limit := limitID(concurrentPrefix, j.Topic)
			out = append(out, want{terms: terms, name: r.limit(lr.run.Tenant, scheduler.LimitConcurrent, "MaxConcurrent "+strconv.FormatInt(c.Max, 10)+" of "+j.Topic, limit, terms)})
		}
	}
	return out
}

// limitOrder is the fixed order: what is cheap to give back first, and last what is waited for holding nothing else.
var limitOrder = map[scheduler.LimitKind]int{
	scheduler.LimitBudget: 1, scheduler.LimitRate: 2, scheduler.LimitConcurrent: 3, scheduler.LimitLock: 4,
}

// budgetWants are a budget of the run, which lives with it, and one of the tenant's day.
func (lr *live) budgetWants(r *Runner, step int32, b *safety.Budget) (out []want) {
	cost := lr.estimate(step, b.Unit)
	add := func(max *float64, name limitName) {
		if max != nil {
			name.terms.Max = millionths(*max, math.Floor)
			out = append(out, want{name: name, terms: name.terms, unit: b.Unit, cost: cost})
		}
	}
	kind := scheduler.LimitBudget
	ofRun := r.limit(lr.run.Tenant, kind, "Budget of "+b.Unit+" per run", limitID(runBudgetPrefix, lr.id, b.Unit), scheduler.LimitTerms{})
	ofRun.part = lr.part
	add(b.PerRun, ofRun)
	add(b.PerDay, r.limit(lr.run.Tenant, kind, "Budget of "+b.Unit+" per day", limitID(budgetPrefix, b.Unit), scheduler.LimitTerms{Per: scheduler.Daily}))
	return out
}

// rateWant is a rate of the tenant, of one principal, or of a topic. Rates of different windows hold side by side.
func (lr *live) rateWant(r *Runner, step int32, rate *safety.RateLimit) want {
	of := ""
	switch rate.Key {
	case "principal":
		of = lr.run.StartedBy
	case "topic":
		of = lr.jobs[step].Topic
	}
	terms := scheduler.LimitTerms{Max: rate.Limit, Per: rate.Per}
	label := "RateLimit " + strconv.FormatInt(rate.Limit, 10) + " per " + rate.Window + " by " + rate.Key
	limit := limitID(ratePrefix+rate.Per.String()+"/", rate.Key, of)
	return want{terms: terms, name: r.limit(lr.run.Tenant, scheduler.LimitRate, label, limit, terms)}
}

// estimate is what an attempt may use of a unit: one of jobs and of calls, of others what the request or a label of the step
// says. 0 when nobody says.
func (lr *live) estimate(step int32, unit string) int64 {
	if countsJobs(unit) {
		return scheduler.Unit
	}
	amount, err := strconv.ParseFloat(lr.run.JobLabels(step)[budgetLabel+unit], 64)
	if err != nil && unit == "cost" {
		amount = lr.request(step).Cost
	}
	return millionths(amount, math.Ceil)
}

// budgetLabel and a unit are the label that says what a step may cost.
const budgetLabel = "budget."

// countsJobs tells whether a unit counts attempts: each is one.
func countsJobs(unit string) bool { return unit == "jobs" || unit == "calls" }

// millionths is an amount as limits count; what is no amount is nothing.
func millionths(amount float64, round func(float64) float64) int64 {
	amount = round(amount * float64(scheduler.Unit))
	switch {
	case !(amount > 0): //nolint:staticcheck // NaN is nothing, too
		return 0
	case amount >= math.MaxInt64/8:
		return math.MaxInt64 / 8
	}
	return int64(amount)
}

// usage is what an attempt cost, by unit.
type usage map[string]float64

// readUsage reads what a result says; what is no amount it leaves out.
func readUsage(raw json.RawMessage) (u usage) {
	if len(raw) == 0 || len(raw) > maxDetails || json.Unmarshal(raw, &u) != nil {
		return nil
	}
	for unit, amount := range u {
		if !(amount >= 0) { //nolint:staticcheck // NaN is no amount, too
			delete(u, unit)
		}
	}
	return u
}

// of is what an attempt used of a budget: what its worker said, else what was estimated.
func (u usage) of(w want) int64 {
	if amount, said := u[w.unit]; said && w.unit != "" {
		return millionths(amount, math.Ceil)
	}
	return w.cost
}
