package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/codec"
)

// noon is when limits are tested: the day has another half.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func wish(job string, turn uint64, terms LimitTerms) LimitAsk {
	return LimitAsk{Job: job, Turn: Turn{1, turn}, Attempt: 1, Terms: terms, Since: noon}
}

// granted are the jobs that a change lets in.
func granted(c LimitChange) (jobs []string) {
	for _, a := range c.Answers {
		if a.Refused == "" && !a.Waits {
			jobs = append(jobs, a.Job)
		}
	}
	return jobs
}

func wantGranted(t *testing.T, what string, c LimitChange, want ...string) {
	t.Helper()
	if got := granted(c); !slices.Equal(got, want) {
		t.Errorf("%s: granted %v, want %v (%+v)", what, got, want, c.Answers)
	}
}

func TestLimitLetsInByPriorityThenAge(t *testing.T) {
	l := NewLimit(LimitConcurrent, time.Minute)
	one := LimitTerms{Max: 1}
	wantGranted(t, "free", l.Take(noon, wish("a", 1, one)), "a")
	for i, job := range []string{"young", "old", "urgent"} {
		w := wish(job, 1, one)
		w.Since = noon.Add(-time.Duration(i) * time.Minute)
		if job == "urgent" {
			w.Since, w.Priority = noon, dag.Critical
		}
		wantGranted(t, job+" waits", l.Take(noon, w))
	}
	for i, want := range []string{"urgent", "old", "young"} {
		gone := []string{"a", "urgent", "old"}[i]
		wantGranted(t, gone+" leaves", l.Take(noon, LimitRelease{Job: gone, Turn: Turn{1, 2}, Used: true}), want)
	}
}

func TestLimitIsDeafToWhatIsLate(t *testing.T) {
	l := NewLimit(LimitConcurrent, time.Minute)
	two := LimitTerms{Max: 2}
	wantGranted(t, "asks", l.Take(noon, wish("a", 5, two)), "a")
	wantGranted(t, "asks again", l.Take(noon, wish("a", 5, two)), "a")
	if l.Holding() != 1 {
		t.Fatalf("%d hold after one job asked twice", l.Holding())
	}
	wantGranted(t, "an older wish", l.Take(noon, wish("a", 4, two)))
	l.Take(noon, LimitRelease{Job: "a", Turn: Turn{1, 4}})
	l.Take(noon, LimitRelease{Job: "stranger", Turn: Turn{9, 9}})
	if l.Holding() != 1 {
		t.Fatalf("%d hold after an older release and a stranger's", l.Holding())
	}
	next := wish("a", 6, two)
	next.Attempt = 2
	wantGranted(t, "the next attempt, the end of the one before unheard", l.Take(noon, next), "a")
	if l.Holding() != 1 {
		t.Fatalf("%d hold for two attempts of one job", l.Holding())
	}
}

func TestLimitLoweredHoldsForNewGrants(t *testing.T) {
	l := NewLimit(LimitConcurrent, time.Minute)
	for i := range 4 {
		l.Take(noon, wish(fmt.Sprint("j", i), 1, LimitTerms{Max: 4}))
	}
	wantGranted(t, "under the newer policy", l.Take(noon, wish("new", 1, LimitTerms{Max: 2})))
	for i := range 3 {
		c := l.Take(noon, LimitRelease{Job: fmt.Sprint("j", i), Turn: Turn{1, 1}})
		if want := i == 2; (len(granted(c)) == 1) != want {
			t.Errorf("after %d left: granted %v", i+1, granted(c))
		}
	}
}

func TestRateCountsAdmittedJobs(t *testing.T) {
	l := NewLimit(LimitRate, time.Hour)
	terms := LimitTerms{Max: 2, Per: time.Minute}
	wantGranted(t, "first", l.Take(noon, wish("a", 1, terms)), "a")
	wantGranted(t, "second", l.Take(noon.Add(20*time.Second), wish("b", 1, terms)), "b")
	wantGranted(t, "third", l.Take(noon.Add(30*time.Second), wish("c", 1, terms)))
	if next := l.Next(); !next.Equal(noon.Add(time.Minute)) {
		t.Errorf("next at %v", next)
	}
	l.Take(noon.Add(40*time.Second), LimitRelease{Job: "a", Turn: Turn{1, 1}, Used: true})
	wantGranted(t, "a used its token", l.Take(noon.Add(41*time.Second), LimitTick{}))
	wantGranted(t, "b did not", l.Take(noon.Add(42*time.Second), LimitRelease{Job: "b", Turn: Turn{1, 1}}), "c")
	wantGranted(t, "too early", l.Take(noon.Add(59*time.Second), wish("d", 1, terms)))
	wantGranted(t, "a minute later", l.Take(noon.Add(time.Minute), LimitTick{}), "d")
}

func TestBudgetReservesAndSettles(t *testing.T) {
	l := NewLimit(LimitBudget, time.Hour)
	terms := LimitTerms{Max: 10 * Unit, Per: Daily}
	ask := func(job string, cost int64) LimitAsk {
		w := wish(job, 1, terms)
		w.Amount = cost * Unit
		return w
	}
	wantGranted(t, "six of ten", l.Take(noon, ask("a", 6)), "a")
	wantGranted(t, "five more", l.Take(noon, ask("b", 5)))
	wantGranted(t, "a cost two", l.Take(noon, LimitRelease{Job: "a", Turn: Turn{1, 1}, Used: true, Cost: 2 * Unit}), "b")
	c := l.Take(noon, ask("c", 11))
	if len(c.Answers) != 1 || c.Answers[0].Refused == "" {
		t.Errorf("more than all of it: %+v", c)
	}
	l.Take(noon, LimitRelease{Job: "b", Turn: Turn{1, 1}, Used: true, Cost: 9 * Unit}) // more than was estimated
	wantGranted(t, "used up", l.Take(noon, ask("d", 0)))
	if next := l.Next(); !next.Equal(noon.Add(12 * time.Hour)) {
		t.Errorf("next at %v", next)
	}
	wantGranted(t, "the next day", l.Take(noon.Add(12*time.Hour), ask("d", 0)), "d")
}

func TestBudgetOfARunEndsIt(t *testing.T) {
	l := NewLimit(LimitBudget, time.Hour)
	ask := func(job string) LimitAsk {
		w := wish(job, 1, LimitTerms{Max: 2 * Unit})
		w.Amount = Unit
		return w
	}
	wantGranted(t, "a and b", l.Take(noon, ask("a")), "a")
	l.Take(noon, ask("b"))
	if c := l.Take(noon, ask("c")); len(c.Answers) != 0 {
		t.Errorf("c may still get what others do not use: %+v", c)
	}
	l.Take(noon, LimitRelease{Job: "a", Turn: Turn{1, 1}, Used: true, Cost: Unit})
	c := l.Take(noon, LimitRelease{Job: "b", Turn: Turn{1, 1}, Used: true, Cost: Unit})
	if len(c.Answers) != 1 || c.Answers[0].Refused == "" {
		t.Errorf("nothing is left and nothing comes back: %+v", c)
	}
	if c := l.Take(noon, wish("d", 1, LimitTerms{})); len(c.Answers) != 1 || c.Answers[0].Refused == "" {
		t.Errorf("a limit of 0: %+v", c)
	}
}

// reborn is a machine as its rows have it: what every process finds that follows another one.
func reborn(l *Limit) *Limit {
	out := NewLimit(l.kind, l.patience)
	if err := codec.Decode(codec.Append(nil, l), out); err != nil {
		panic(err)
	}
	for _, h := range l.holders {
		twin := &Holder{Job: h.Job}
		if err := codec.Decode(codec.Append(nil, h), twin); err != nil {
			panic(err)
		}
		out.Restore(twin)
	}
	return out
}

// crowd is jobs that ask a limit over a network that repeats, delays and loses messages, to a machine that crashes.
type crowd struct {
	t     *rapid.T
	limit *Limit
	kept  *Limit // as it was at the last commit
	now   time.Time
	turn  uint64
	terms LimitTerms
	jobs  []*member
	sent  []LimitInput
	taken []time.Time // of a rate
}

type member struct {
	name    string
	turn    Turn
	attempt int32
	asks    bool
	holds   bool
	amount  int64
}

func newCrowd(t *rapid.T, kind LimitKind, terms LimitTerms) *crowd {
	c := &crowd{t: t, limit: NewLimit(kind, time.Minute), now: noon, terms: terms}
	c.kept = reborn(c.limit)
	for i := range 6 {
		c.jobs = append(c.jobs, &member{name: fmt.Sprint("job", i), attempt: 1})
	}
	return c
}

func (c *crowd) draw() *member { return rapid.SampledFrom(c.jobs).Draw(c.t, "job") }

func (c *crowd) nextTurn() Turn { c.turn++; return Turn{1, c.turn} }

// deliver brings a message to the machine. What it answers arrives only when it could be kept.
func (c *crowd) deliver(in LimitInput) {
	before := map[string]Standing{}
	for _, m := range c.jobs {
		before[m.name] = c.limit.Standing(m.name)
	}
	out := c.limit.Take(c.now, in)
	for _, m := range c.jobs {
		c.legal(before[m.name], c.limit.Standing(m.name))
	}
	if rapid.IntRange(0, 9).Draw(c.t, "crash") == 0 { // before the commit
		c.limit = reborn(c.kept)
		return
	}
	c.kept = reborn(c.limit)
	for _, a := range out.Answers {
		if rapid.IntRange(0, 9).Draw(c.t, "lost") > 0 {
			c.hear(a)
		}
	}
}

// legal checks that a job came from one standing to another on legal moves, in one message at most in and through the line.
func (c *crowd) legal(from, to Standing) {
	reach := []Standing{from}
	for range 3 {
		for _, s := range slices.Clone(reach) {
			reach = append(reach, limitMoves[s]...)
		}
	}
	if !slices.Contains(reach, to) {
		c.t.Fatalf("a job came from %v to %v", from, to)
	}
}

func (c *crowd) hear(a LimitAnswer) {
	for _, m := range c.jobs {
		if m.name != a.Job || !m.asks || m.turn != a.Turn {
			continue
		}
		m.asks = false
		if m.holds = a.Refused == ""; m.holds {
			c.taken = append(c.taken, c.limit.holders[m.name].Since)
		}
	}
}

func (c *crowd) say(in LimitInput) {
	c.sent = append(c.sent, in)
	if rapid.IntRange(0, 9).Draw(c.t, "lost") > 0 {
		c.deliver(in)
	}
}

func (c *crowd) wish(m *member) LimitAsk {
	return LimitAsk{Job: m.name, Turn: m.turn, Attempt: m.attempt, Terms: c.terms, Amount: m.amount, Since: noon}
}

func (c *crowd) ask(*rapid.T) {
	m := c.draw()
	if m.holds {
		return
	}
	if !m.asks {
		m.asks, m.turn, m.amount = true, c.nextTurn(), rapid.Int64Range(0, 4).Draw(c.t, "amount")*Unit
	}
	c.say(c.wish(m))
}

// leave ends a job's attempt, or its wish.
func (c *crowd) leave(*rapid.T) {
	m := c.draw()
	if !m.holds && !m.asks {
		return
	}
	out := LimitRelease{Job: m.name, Turn: m.turn, Attempt: m.attempt, Used: m.holds, Cost: m.amount}
	if m.holds {
		out.Cost = rapid.Int64Range(0, m.amount/Unit).Draw(c.t, "cost") * Unit
	}
	m.holds, m.asks, m.attempt = false, false, m.attempt+1
	c.say(out)
}

// again brings any message that was ever sent once more.
func (c *crowd) again(*rapid.T) {
	if len(c.sent) > 0 {
		c.deliver(rapid.SampledFrom(c.sent).Draw(c.t, "again"))
	}
}

func (c *crowd) wait(*rapid.T) {
	c.now = c.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(c.t, "seconds")) * time.Second)
	c.deliver(LimitTick{})
}

func (c *crowd) restart(*rapid.T) { c.limit = reborn(c.kept) }

func (c *crowd) holding() (n int, amount int64) {
	for _, m := range c.jobs {
		if m.holds {
			n, amount = n+1, amount+m.amount
		}
	}
	return n, amount
}

// quiesce lets every job end and answers doubts until nobody is left.
func (c *crowd) quiesce() {
	for range 4 {
		for _, m := range c.jobs {
			m.holds, m.asks = false, false
			c.limit.Take(c.now, LimitRelease{Job: m.name, Turn: c.nextTurn(), Used: true})
		}
		c.now = c.now.Add(2 * time.Minute)
		for _, d := range c.limit.Take(c.now, LimitTick{}).Doubts {
			c.limit.Take(c.now, LimitRelease{Job: d.Job, Turn: d.Turn})
		}
	}
	if !c.limit.Idle() {
		c.t.Fatalf("%d hold and %d wait when all jobs have ended", c.limit.Holding(), c.limit.Waiting())
	}
}

func (c *crowd) play(check func()) {
	c.t.Repeat(map[string]func(*rapid.T){
		"ask": c.ask, "leave": c.leave, "again": c.again, "wait": c.wait, "restart": c.restart,
		"": func(*rapid.T) { check() },
	})
	c.quiesce()
}

func TestConcurrentLimitProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 4).Draw(t, "limit")
		c := newCrowd(t, LimitConcurrent, LimitTerms{Max: limit})
		c.play(func() {
			if n, _ := c.holding(); int64(n) > limit {
				t.Fatalf("%d jobs believe that they hold a limit of %d", n, limit)
			}
		})
	})
}

func TestRateProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := LimitTerms{Max: rapid.Int64Range(1, 4).Draw(t, "limit"), Per: time.Minute}
		c := newCrowd(t, LimitRate, terms)
		c.play(func() {
			slices.SortFunc(c.taken, time.Time.Compare)
			for i, first := range c.taken {
				n := int64(0)
				for _, at := range c.taken[i:] {
					if at.Sub(first) < terms.Per {
						n++
					}
				}
				if n > terms.Max {
					t.Fatalf("%d jobs were admitted within a minute, %d may: %v", n, terms.Max, c.taken)
				}
			}
		})
	})
}

func TestBudgetProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := LimitTerms{Max: rapid.Int64Range(1, 12).Draw(t, "budget") * Unit, Per: Daily}
		c := newCrowd(t, LimitBudget, terms)
		c.play(func() {
			if _, amount := c.holding(); amount+c.limit.spent > terms.Max {
				t.Fatalf("%d are reserved and %d spent of %d", amount, c.limit.spent, terms.Max)
			}
			var reserved int64
			for _, h := range c.limit.holders {
				reserved += h.Amount
			}
			if reserved != c.limit.reserved {
				t.Fatalf("holders have %d, the machine says %d", reserved, c.limit.reserved)
			}
		})
	})
}

// TestManyTokensStayFew: a rate of very many keeps few entries, and never gives one back early.
func TestManyTokensStayFew(t *testing.T) {
	l := NewLimit(LimitRate, time.Hour)
	terms := LimitTerms{Max: 10_000, Per: time.Minute}
	now := noon
	for i := range 10_000 {
		now = noon.Add(time.Duration(i) * 5 * time.Millisecond)
		if len(granted(l.Take(now, wish(fmt.Sprint(i), 1, terms)))) != 1 {
			t.Fatalf("job %d was not admitted", i)
		}
	}
	if n := len(l.tokens); n > 2*rateEntries {
		t.Errorf("%d entries", n)
	}
	wantGranted(t, "one too many", l.Take(now, wish("more", 1, terms)))
	wantGranted(t, "the first is not a minute old", l.Take(noon.Add(time.Minute-time.Millisecond), LimitTick{}))
	wantGranted(t, "room again", l.Take(noon.Add(time.Minute+time.Minute/rateEntries), LimitTick{}), "more")
}

func BenchmarkLimit(b *testing.B) {
	l := NewLimit(LimitConcurrent, time.Minute)
	terms := LimitTerms{Max: 10}
	for i := range 1000 {
		l.Take(noon, wish(fmt.Sprint("job", i), 1, terms))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		job := l.Holders()[0]
		l.Take(noon, LimitRelease{Job: job, Turn: Turn{1, uint64(i + 2)}})
		l.Take(noon, wish(job, uint64(i+2), terms))
		l.Unsaved()
	}
}

// TestRestoredHoldersAreAskedAtOnce has a holder give back what the machine never kept: who follows it finds out by asking, and does
// not have to wait for a patience.
func TestRestoredHoldersAreAskedAtOnce(t *testing.T) {
	one := LimitTerms{Max: 2}
	l := NewLimit(LimitConcurrent, time.Minute)
	wantGranted(t, "room for two", l.Take(noon, wish("a", 1, one)), "a")
	wantGranted(t, "room for one more", l.Take(noon, wish("b", 1, one)), "b")
	next := reborn(l)
	c := next.Take(noon, LimitTick{})
	if len(c.Doubts) != 2 || c.Doubts[0].Job != "a" || c.Doubts[1].Job != "b" {
		t.Fatalf("doubts of who was restored: %+v", c.Doubts)
	}
	next.Take(noon, LimitHeard{Job: "a", Turn: c.Doubts[0].Turn})
	next.Take(noon, LimitRelease{Job: "b", Turn: c.Doubts[1].Turn})
	if c := next.Take(noon, LimitTick{}); len(c.Doubts) != 0 {
		t.Errorf("doubts of who was heard of: %+v", c.Doubts)
	}
	wantGranted(t, "the place of b", next.Take(noon, wish("c", 1, one)), "c")
}
