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

var (
	alone  = LimitTerms{Max: 1}
	shared = LimitTerms{Max: 1, Shared: true}
)

func newTestLock() *Limit { return NewLock(&Fence{}, time.Minute) }

// waits are the jobs that a change tells to wait.
func waits(c LimitChange) (jobs []string) {
	for _, a := range c.Answers {
		if a.Waits {
			jobs = append(jobs, a.Job)
		}
	}
	return jobs
}

// given are the fencing tokens that a change gives out, by job.
func given(c LimitChange) map[string]int64 {
	out := map[string]int64{}
	for _, a := range c.Answers {
		if !a.Waits && a.Refused == "" {
			out[a.Job] = a.Token
		}
	}
	return out
}

func leaves(job string) LimitRelease { return LimitRelease{Job: job, Turn: Turn{9, 9}} }

func wantGiven(t *testing.T, what string, c LimitChange, want map[string]int64) {
	t.Helper()
	if got := given(c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: given %v, want %v", what, got, want)
	}
}

// TestLockLine: those who share it do not overtake somebody who waits to have it alone, and are let in together after them.
func TestLockLine(t *testing.T) {
	l := newTestLock()
	wantGiven(t, "r1", l.Take(noon, wish("r1", 1, shared)), map[string]int64{"r1": 1})
	wantGiven(t, "r2", l.Take(noon, wish("r2", 1, shared)), map[string]int64{"r2": 2})
	w := wish("w", 1, alone)
	w.Since = noon.Add(time.Second)
	c := l.Take(noon.Add(time.Second), w)
	if !slices.Equal(waits(c), []string{"w"}) || !slices.Equal(c.Answers[0].Held, []string{"r1", "r2"}) {
		t.Errorf("w waits: %+v", c.Answers)
	}
	for i, late := range []string{"r3", "r4"} {
		ask := wish(late, 1, shared)
		ask.Since = noon.Add(time.Duration(i+2) * time.Second)
		if c := l.Take(ask.Since, ask); !slices.Equal(waits(c), []string{late}) {
			t.Errorf("%s overtakes: %+v", late, c.Answers)
		}
	}
	if line := l.Line(); len(line) != 3 || line[0].Job != "w" || line[1].Job != "r3" {
		t.Errorf("the line is %+v", line)
	}
	wantGiven(t, "one reader left", l.Take(noon, leaves("r1")), map[string]int64{})
	wantGiven(t, "both left", l.Take(noon, leaves("r2")), map[string]int64{"w": 3})
	wantGiven(t, "the writer left", l.Take(noon, leaves("w")), map[string]int64{"r3": 4, "r4": 5})
}

// TestLockAgeing: who is more urgent goes first, but not for ever.
func TestLockAgeing(t *testing.T) {
	l := newTestLock()
	l.Take(noon, wish("holder", 1, alone))
	ask := func(job string, p dag.Priority, since time.Duration) {
		in := wish(job, 1, alone)
		in.Priority, in.Since = p, noon.Add(since)
		l.Take(noon, in)
	}
	ask("batch", dag.Batch, 0)
	ask("soon", dag.Critical, 2*DefaultAgeing-time.Second)
	ask("later", dag.Critical, 2*DefaultAgeing+time.Second)
	last := "holder"
	for _, next := range []string{"soon", "batch", "later"} {
		if got := granted(l.Take(noon, leaves(last))); !slices.Equal(got, []string{next}) {
			t.Fatalf("after %s: %v, want %s", last, got, next)
		}
		last = next
	}
}

// TestLockLetsGoByItself: somebody outside who does not renew holds it no longer than they said; one who does holds it on with
// the same token.
func TestLockLetsGoByItself(t *testing.T) {
	l := newTestLock()
	ask := wish("by/ann", 1, alone)
	ask.TTL = 30 * time.Second
	wantGiven(t, "ann", l.Take(noon, ask), map[string]int64{"by/ann": 1})
	l.Take(noon, wish("job", 1, alone))
	ask.Turn.N++
	wantGiven(t, "ann renews", l.Take(noon.Add(20*time.Second), ask), map[string]int64{"by/ann": 1})
	if next := l.Next(); next.After(noon.Add(50 * time.Second)) {
		t.Fatalf("it wakes at %s", next)
	}
	wantGiven(t, "in time", l.Take(noon.Add(49*time.Second), LimitTick{}), map[string]int64{})
	if d := l.Take(noon.Add(49*time.Second), LimitTick{}).Doubts; len(d) > 0 {
		t.Errorf("nobody can be asked about %v", d)
	}
	wantGiven(t, "over", l.Take(noon.Add(50*time.Second), LimitTick{}), map[string]int64{"job": 2})
}

// guarded is a resource that checks fencing tokens, and says who was in while somebody else was.
type guarded struct {
	seen int64
}

func (g *guarded) write(token int64) bool {
	if token < g.seen {
		return false
	}
	g.seen = token
	return true
}

// lockCrowd is jobs and people outside who take a lock over a network that repeats, delays and loses messages, from a machine
// that is killed at every commit, with its last commit or without it.
type lockCrowd struct {
	t     *rapid.T
	limit *Limit
	fence *Fence
	kept  *Limit // as at the last commit
	keptF Fence
	now   time.Time
	turn  uint64
	jobs  []*locker
	sent  []LimitInput
	top   int64 // the greatest token that anybody was told of
}

type locker struct {
	name    string
	outside bool
	turn    Turn
	attempt int32
	shared  bool
	asks    bool
	token   int64 // that it believes it holds; 0: none
	until   time.Time
}

func newLockCrowd(t *rapid.T) *lockCrowd {
	c := &lockCrowd{t: t, fence: &Fence{}, now: noon}
	c.limit = NewLock(c.fence, time.Minute)
	c.commit()
	for i := range 5 {
		c.jobs = append(c.jobs, &locker{name: fmt.Sprint("job", i), attempt: 1})
	}
	for i := range 2 {
		c.jobs = append(c.jobs, &locker{name: fmt.Sprint("by/", i), attempt: 1, outside: true})
	}
	return c
}

// copyLock is a lock as its rows have it.
func copyLock(l *Limit, fence *Fence) *Limit {
	out := NewLock(fence, l.patience)
	for _, h := range l.holders {
		twin := &Holder{Job: h.Job}
		if err := codec.Decode(codec.Append(nil, h), twin); err != nil {
			panic(err)
		}
		out.Restore(twin)
	}
	return out
}

func (c *lockCrowd) commit() {
	f := Fence{}
	if err := codec.Decode(codec.Append(nil, c.fence), &f); err != nil {
		panic(err)
	}
	c.keptF = f
	c.kept = copyLock(c.limit, &f)
}

func (c *lockCrowd) restart(*rapid.T) {
	f := c.keptF
	c.fence = &f
	c.limit = copyLock(c.kept, c.fence)
}

func (c *lockCrowd) deliver(in LimitInput) {
	out := c.limit.Take(c.now, in)
	if rapid.IntRange(0, 7).Draw(c.t, "killed before the commit") == 0 {
		c.restart(nil)
		return
	}
	c.commit()
	for _, a := range out.Answers {
		if !a.Waits && a.Token <= 0 {
			c.t.Fatalf("a grant without a token: %+v", a)
		}
		if rapid.IntRange(0, 7).Draw(c.t, "lost") > 0 {
			c.hear(a)
		}
	}
	if rapid.IntRange(0, 7).Draw(c.t, "killed after it") == 0 {
		c.restart(nil)
	}
}

func (c *lockCrowd) hear(a LimitAnswer) {
	for _, m := range c.jobs {
		if m.name == a.Job && m.asks && m.turn == a.Turn && !a.Waits {
			m.asks, m.token = false, a.Token
			if h := c.limit.Holder(m.name); h != nil {
				m.until = h.Until
			}
			c.top = max(c.top, a.Token)
		}
	}
}

func (c *lockCrowd) say(in LimitInput) {
	c.sent = append(c.sent, in)
	if rapid.IntRange(0, 7).Draw(c.t, "lost") > 0 {
		c.deliver(in)
	}
}

func (c *lockCrowd) ask(*rapid.T) {
	m := rapid.SampledFrom(c.jobs).Draw(c.t, "who")
	if m.token != 0 {
		return
	}
	if !m.asks {
		c.turn++
		m.asks, m.turn, m.shared = true, Turn{1, c.turn}, rapid.Bool().Draw(c.t, "shared")
	}
	in := LimitAsk{Job: m.name, Turn: m.turn, Attempt: m.attempt, Terms: LimitTerms{Max: 1, Shared: m.shared}, Since: noon}
	if m.outside {
		in.TTL = 30 * time.Second
	}
	c.say(in)
}

func (c *lockCrowd) leave(*rapid.T) {
	m := rapid.SampledFrom(c.jobs).Draw(c.t, "who")
	if m.token == 0 && !m.asks {
		return
	}
	in := LimitRelease{Job: m.name, Turn: m.turn, Attempt: m.attempt}
	m.token, m.asks, m.attempt = 0, false, m.attempt+1
	c.say(in)
}

func (c *lockCrowd) again(*rapid.T) {
	if len(c.sent) > 0 {
		c.deliver(rapid.SampledFrom(c.sent).Draw(c.t, "again"))
	}
}

func (c *lockCrowd) wait(*rapid.T) {
	c.now = c.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(c.t, "seconds")) * time.Second)
	for _, m := range c.jobs { // people outside stop when their time is over
		if m.outside && m.token != 0 && !c.now.Before(m.until) {
			m.token = 0
		}
	}
	c.deliver(LimitTick{})
}

// check is the law: whoever holds it alone is the only one who believes that they hold it, and tokens never repeat.
func (c *lockCrowd) check() {
	in, only := 0, 0
	seen := map[int64]string{}
	for _, m := range c.jobs {
		if m.token == 0 {
			continue
		}
		in++
		if !m.shared {
			only++
		}
		if other := seen[m.token]; other != "" {
			c.t.Fatalf("%s and %s have the token %d", m.name, other, m.token)
		}
		seen[m.token] = m.name
	}
	if only > 1 || only == 1 && in > 1 {
		c.t.Fatalf("%d hold the lock, %d of them alone", in, only)
	}
	if c.keptF.last < c.top {
		c.t.Fatalf("the fence is at %d, a token %d was given out", c.keptF.last, c.top)
	}
	n := 0
	for _, h := range c.limit.holders {
		if !h.Shared {
			n++
		}
	}
	if n != c.limit.alone {
		c.t.Fatalf("%d hold it alone, the machine says %d", n, c.limit.alone)
	}
}

func TestLockProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newLockCrowd(t)
		t.Repeat(map[string]func(*rapid.T){
			"ask": c.ask, "leave": c.leave, "again": c.again, "wait": c.wait, "restart": c.restart,
			"": func(*rapid.T) { c.check() },
		})
		for range 3 { // everybody ends, and who was not heard of is asked
			for _, m := range c.jobs {
				c.turn++
				c.limit.Take(c.now, LimitRelease{Job: m.name, Turn: Turn{1, c.turn}})
			}
			c.now = c.now.Add(2 * time.Minute)
			c.limit.Take(c.now, LimitTick{})
		}
		if !c.limit.Idle() {
			t.Fatalf("%d hold and %d wait when all have ended", c.limit.Holding(), c.limit.Waiting())
		}
	})
}

// TestNobodyStarves: whatever comes later and however urgent, who waits is let in within its head start and the turns of those
// before it.
func TestNobodyStarves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newTestLock()
		now := noon
		l.Take(now, wish("first", 1, alone))
		one := wish("one", 1, LimitTerms{Max: 1, Shared: rapid.Bool().Draw(t, "shared")})
		one.Priority, one.Since = dag.Batch, now
		l.Take(now, one)
		holders, n := []string{"first"}, 0
		for l.Standing("one") != StandsIn {
			if n++; now.Sub(noon) > 2*DefaultAgeing+20*time.Second {
				t.Fatalf("it waits since %s, %d came after it", now.Sub(noon), n)
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 10).Draw(t, "seconds")) * time.Second)
			late := wish(fmt.Sprint("late", n), 1, LimitTerms{Max: 1, Shared: rapid.Bool().Draw(t, "shares")})
			late.Priority, late.Since = dag.Critical, now
			in := granted(l.Take(now, late))
			for _, h := range holders {
				in = append(in, granted(l.Take(now, leaves(h)))...)
			}
			in = append(in, granted(l.Take(now, one))...)
			holders = in
		}
	})
}

// TestPausedHolderIsFencedOff: a holder that was taken for dead and wakes up late writes nothing, because the resource has seen a
// greater token.
func TestPausedHolderIsFencedOff(t *testing.T) {
	l, resource := newTestLock(), &guarded{}
	old := given(l.Take(noon, wish("paused", 1, alone)))["paused"]
	if !resource.write(old) {
		t.Fatal("the holder cannot write")
	}
	l.Take(noon, wish("next", 1, alone))
	next := given(l.Take(noon, leaves("paused")))["next"] // its attempt was ended for it
	if !resource.write(next) || resource.write(old) {
		t.Errorf("tokens %d and then %d: the late write is let through", old, next)
	}
}

// TestFenceWhoseRecordIsGone goes on behind everything that was given out.
func TestFenceWhoseRecordIsGone(t *testing.T) {
	f := NewFence(noon)
	l := NewLock(f, time.Minute)
	if token := given(l.Take(noon, wish("a", 1, alone)))["a"]; token <= 1_000_000 {
		t.Errorf("the token is %d", token)
	}
	l = NewLock(&Fence{}, time.Minute)
	l.Restore(&Holder{Job: "b", Shared: true, Token: 41})
	if token := given(l.Take(noon, wish("c", 1, shared)))["c"]; token != 42 {
		t.Errorf("a token %d beside the stored 41", token)
	}
}

func BenchmarkLock(b *testing.B) {
	l := newTestLock()
	for i := range 1000 {
		l.Take(noon, wish(fmt.Sprint("job", i), 1, alone))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		job := l.Holders()[0]
		l.Take(noon, LimitRelease{Job: job, Turn: Turn{1, uint64(i + 2)}})
		l.Take(noon, wish(job, uint64(i+2), alone))
		l.Unsaved()
	}
}
