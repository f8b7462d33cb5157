package sim

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

// Bounds of a game.
const (
	mostRuns = 3
	moreRuns = 6 // where that they meet matters
	// fewestMoves and moreMoves are how many things happen before nothing goes wrong any more.
	fewestMoves, moreMoves = 5, 14
)

// play lets things happen, good and bad.
func (w *whole) play() {
	for range fewestMoves + w.draw.IntN(moreMoves) {
		if len(w.wrongs()) > 0 {
			return
		}
		w.mend()
		if w.disk != nil && w.draw.IntN(3) == 0 {
			w.die()
		}
		w.move()
		if w.draw.IntN(6) == 0 {
			time.Sleep(time.Duration(w.draw.IntN(20)) * time.Second)
		}
		time.Sleep(time.Duration(10+w.draw.IntN(700)) * time.Millisecond)
	}
}

// move lets one thing happen.
func (w *whole) move() {
	if len(w.runs) == 0 {
		w.startRun()
		return
	}
	switch n := w.draw.IntN(100); {
	case n < 14:
		w.startRun()
	case n < 28:
		w.vote(false)
	case n < 34:
		w.signal()
	case n < 46:
		w.verb()
	case n < 52:
		w.employ(kindOf(w.draw.IntN(3)))
	case n >= 52 && n < 61 && w.law.keeps:
		w.startRun()
	case n < 57:
		w.part()
	case n < 61:
		w.freeze()
	case n < 67:
		w.lie()
	case n < 71:
		w.publish(w.draw.IntN(len(policies())))
	case n < 75:
		w.peek()
	default:
		w.befall()
	}
}

// save stores a definition.
func (w *whole) save(by person, text string) (s said) {
	for range 10 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		req := httptest.NewRequestWithContext(ctx, "POST", "/api/v1/workflows?run=false", strings.NewReader(text))
		req.Header.Set("X-API-Key", by.key())
		req.Header.Set("Content-Type", "application/yaml")
		rec := httptest.NewRecorder()
		if w.team != nil {
			w.team.front()
		}
		w.desk.gate.Handler().ServeHTTP(rec, req)
		cancel()
		if s = (said{status: rec.Code, body: rec.Body.Bytes()}); !s.unknown() {
			break
		}
		time.Sleep(time.Second)
	}
	return s
}

// startRun starts a run. Once that is said, it is durable.
func (w *whole) startRun() {
	most := mostRuns
	if w.law.keeps {
		most = moreRuns
	}
	if w.calls >= most {
		return
	}
	w.calls++
	by := ann
	if w.draw.IntN(3) == 0 {
		by = ada
	}
	items := make([]string, w.draw.IntN(6))
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	input := fmt.Sprintf(`{"number":%d,"items":[%s]}`, w.draw.IntN(12), strings.Join(items, ","))
	s := w.change(by, "/workflows/"+w.shape.name+"/runs", input)
	if !s.ok() {
		return
	}
	var started runner.Started
	if err := s.read(&started); err != nil {
		w.broken("%v", err)
		return
	}
	if r, known := w.book.run(started.RunID); !known || r.tenant != by.tenant {
		w.broken("run %s is acknowledged, and is not durable", started.RunID)
	}
	w.runs = append(w.runs, started.RunID)
}

// someRun draws one of the runs, with whoever asked for it.
func (w *whole) someRun() (run string, by person) {
	run = pick(w.game, w.runs)
	r, _ := w.book.run(run)
	by, _, _ = crew(r.tenant)
	return run, by
}

// vote lets people answer what they are asked: as it comes, or always with yes.
func (w *whole) vote(always bool) {
	for _, tenant := range []string{"default", "acme"} {
		asks, answer, admin := crew(tenant)
		var page struct{ Items []runner.ApprovalView }
		if s := w.ask(admin, "GET", "/approvals?state=waiting", "", ""); !s.ok() || s.read(&page) != nil {
			continue
		}
		for _, a := range page.Items {
			for _, by := range []person{asks, answer[0], answer[1]} {
				verdict := "approve"
				if !always && w.draw.IntN(5) == 0 {
					verdict = "deny"
				}
				if by == asks && w.draw.IntN(3) > 0 {
					continue
				}
				before, _ := w.book.run(a.RunID)
				had := before.votes["key:"+by.name]
				s := w.change(by, "/approvals/"+a.ID+"/decide", fmt.Sprintf(`{"decision":%q,"expect_hash":%q}`, verdict, a.Hash))
				if after, _ := w.book.run(a.RunID); s.ok() && after.votes["key:"+by.name] == 0 && had == 0 {
					w.broken("%s's answer to %s is acknowledged, and is not durable", by.name, a.ID)
				}
				if s.ok() {
					w.count.Votes++
				}
			}
		}
	}
}

// signal sends a run what it may wait for.
func (w *whole) signal() {
	run, by := w.someRun()
	before, _ := w.book.run(run)
	if s := w.change(by, "/runs/"+run+"/signal", `{"name":"paid","payload":1}`); s.ok() {
		if after, _ := w.book.run(run); after.signals == 0 && before.signals == 0 {
			w.broken("a signal of run %s is acknowledged, and is not durable", run)
		}
	}
}

// verb has a run do something else.
func (w *whole) verb() {
	run, by := w.someRun()
	verb := pick(w.game, []string{"pause", "resume", "cancel", "rollback", "retry", "retry"})
	s := w.change(by, "/runs/"+run+"/"+verb, `{"reason":"the game"}`)
	r, _ := w.book.run(run)
	if s.ok() && (verb == "cancel" && !r.stops && !r.over || verb == "pause" && !r.paused && !r.over) {
		w.broken("%s of run %s is acknowledged, and is not durable", verb, run)
	}
}

// peek looks, as somebody of another tenant, at what is none of their business.
func (w *whole) peek() {
	run, by := w.someRun()
	other := ann
	if by == ann {
		other = ada
	}
	for _, path := range []string{"/runs/" + run, "/runs/" + run + "/timeline", "/workflow-runs/" + run} {
		if s := w.ask(other, "GET", path, "", ""); s.status != 404 && !s.unknown() {
			w.broken("%s, of another tenant, is answered %d to GET %s", other.name, s.status, path)
		}
	}
}

// publish puts another policy in force. Once that is said, nothing is sent that the one before decided.
func (w *whole) publish(i int) {
	s := policies()[i]
	w.book.publishes("")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	if w.team != nil {
		err = w.team.publish(ctx, i)
	} else {
		w.policy.Store(s)
		err = w.r.PolicyChanged(ctx)
	}
	if err == nil && !w.journal.gone.Load() {
		w.book.publishes(s.Digest())
	}
	w.count.Policies++
	w.note("policy %d is published: %v", i, err)
}

// employ brings a worker.
func (w *whole) employ(k kindOf) {
	if len(w.mates) > 12 {
		return
	}
	w.made++
	m := &mate{g: w.game, id: fmt.Sprintf("w%d", w.made), kind: k, most: 1 + w.draw.IntN(3), tells: true}
	if w.law.keeps {
		m.most = 1 // so that more of what is released waits for a worker
	}
	if k == native {
		m.pool, m.topics = "east", []string{"job.east.again", "job.east.once", "job.east.asked.once", "job.any.again", "job.any.once"}
	} else {
		m.pool, m.topics = "west", []string{"job.west.again", "job.west.once", "job.any.again", "job.any.once"}
	}
	if err := m.arrive(); err != nil {
		w.t.Fatal(err)
	}
	w.mates = append(w.mates, m)
	w.note("worker %s comes: kind %d, %d at once", m.id, k, m.most)
}

// jobNamed is the job of an attempt.
func jobNamed(attempt string) string {
	job, _, _ := strings.Cut(attempt, "@")
	return job
}

// lie lets a worker answer for what is not its own: with a token that it made up, for a run that it was not asked about, or with that
// of another attempt.
func (w *whole) lie() {
	w.count.Lies++
	var jobs []*wire.JobRequest
	for _, m := range w.mates {
		m.mu.Lock()
		for _, c := range m.have {
			jobs = append(jobs, c.job)
		}
		m.mu.Unlock()
	}
	if len(jobs) == 0 {
		return
	}
	slices.SortFunc(jobs, func(a, b *wire.JobRequest) int { return strings.Compare(a.JobId, b.JobId) })
	job := pick(w.game, jobs)
	token := slices.Clone(job.Token)
	switch w.draw.IntN(4) {
	case 0:
		token[w.draw.IntN(16)]++
	case 1:
		token = nil
	case 2:
		token = append(token[:16:16], "acme"...)
	case 3:
		other := pick(w.game, jobs)
		token = slices.Clone(other.Token)
		if jobNamed(other.JobId) == jobNamed(job.JobId) {
			return // it is the truth when that attempt is the one under way: who has its token speaks for it
		}
	}
	if string(token) == string(job.Token) {
		return
	}
	r := succeeded([]byte(`{"forged":true}`))
	r.JobId, r.WorkerId, r.Token = job.JobId, "liar", token
	if job.AnswerSubject == "" {
		return
	}
	probe := &mate{g: w.game, id: "liar"}
	probe.say(job.AnswerSubject, &wire.BusPacket{SenderId: "liar", Payload: &wire.BusPacket_JobResult{JobResult: r}})
	w.note("somebody lies about %s", job.JobId)
}

// befall lets something go wrong around the server.
func (w *whole) befall() {
	if w.team != nil && !w.law.keeps {
		w.team.befall()
		return
	}
	d := time.Duration(50+w.draw.IntN(5000)) * time.Millisecond
	w.troubled = time.Now().Add(d)
	if w.law.keeps {
		w.takeLong(d)
		return
	}
	if w.disk != nil && w.draw.IntN(5) < 4 {
		w.die()
		return
	}
	switch w.draw.IntN(12) {
	case 10:
		w.putBack()
	case 11:
		w.wipe(d)
	case 0:
		w.count.Stops++
		w.restart("the server was stopped, and is back")
	case 1, 2:
		w.die()
	case 3, 4:
		w.count.Away++
		when, away := faults.Moment(w.draw.IntN(2)), w.faults
		away.Plan(faults.Fault{Method: faults.Commit, Times: -1, When: when, Do: faults.Fail(faults.ErrPlanned)})
		time.AfterFunc(d, away.Clear)
		w.note("the store is away for %s: it fails %s commits", d, when)
	case 5:
		w.takeLong(d)
	case 6:
		w.cutBus(d)
	case 7:
		w.count.Rough++
		w.rough.roughen(2 * d)
		w.note("messages are lost, doubled and late for %s", 2*d)
	case 8:
		w.jump()
	case 9:
		w.haunt()
	}
}

func (w *whole) cutBus(d time.Duration) {
	w.count.Away++
	w.cut.Store(true)
	time.AfterFunc(d, func() {
		w.law.begins()
		w.cut.Store(false)
	})
	w.note("the bus is away for %s", d)
}

// die lets the server die with one of the next commits, or cuts the power.
func (w *whole) die() {
	if w.disk != nil {
		gone := w.journal.gone
		w.disk.plan(w.draw, func() { gone.Store(true) })
		w.note("the power is cut at one of the next syncs")
		return
	}
	facts := 1 + w.draw.IntN(8)
	w.journal.plan(facts)
	w.note("the server dies within %d facts", facts)
}

// jump sets the server's clock, and that of nobody else.
func (w *whole) jump() {
	w.count.Jumps++
	by := []time.Duration{time.Second, time.Minute, time.Hour, 365 * 24 * time.Hour, -time.Second, -time.Minute}[w.draw.IntN(6)]
	w.skew.Add(int64(by))
	w.aged = w.aged || by > 24*time.Hour
	w.law.begins()
	w.note("the server's clock is set by %s", by)
}

// haunt starts a second server beside the first one, which is stopped as if it were dead and goes on: both believe that they own all.
func (w *whole) haunt() {
	if w.disk != nil { // a folder has one process
		return
	}
	w.count.Ghosts++
	w.faults.Clear()
	w.ghosts = append(w.ghosts, ghost{w.stop, w.done, w.journal})
	w.start()
	w.desk.serves(w.r)
	w.book.publishes(w.policy.Load().Digest())
	w.note("a second server takes over from one that is not dead")
}
