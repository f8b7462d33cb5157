package runner

import (
	"slices"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// notice is one thing the fleet answers, for the lane of an attempt; or what a concurrency key means, for that of a run.
type notice struct {
	place
	kind    noticeKind
	attempt string
	grant   scheduler.Grant   // granted, adopted
	lost    scheduler.LostJob // lost
	said    *memo             // said
	unseen  uint64            // unlisted: the number of the grant
	tenant  string            // about a key
}

// noticeKind is sent between processes: the numbers stay.
type noticeKind uint8

const (
	noticeGranted  noticeKind = 1
	noticeAdopted  noticeKind = 2 // its worker's heartbeat lists it
	noticeLost     noticeKind = 3
	noticeHeard    noticeKind = 4 // its worker was heard with it
	noticeSaid     noticeKind = 5 // its worker's heartbeat says how far it is
	noticeAdmitted noticeKind = 6 // a run's concurrency key is free
	noticeCrowded  noticeKind = 7 // a run is to make room for a newer one
	noticeRefused  noticeKind = 8 // its key is taken, and it does not wait
	noticeReserved noticeKind = 9 // the answer to moveKeyAsk: the key is kept for it
	// noticeUnlisted asks since when an attempt is sent that its worker's heartbeats do not list. Who does not know this notice does not
	// answer, and no heartbeat takes the attempt from its worker until somebody else owns its run.
	noticeUnlisted noticeKind = 10
)

// memo is what the heartbeat of a worker says of the one job that it has.
type memo struct {
	worker  string
	percent int32
	memo    string
}

// notices adds what the fleet answered. An attempt it forgot is forgotten here, too.
func (d *dispatch) notices(out []notice, c scheduler.Change) []notice {
	for _, g := range c.Grants {
		if g.ByTopic && !d.r.topicReady(g.Topic) {
			out = d.notices(out, d.fleet.Unheard(d.r.now(), g.Attempt))
			continue
		}
		if at, ok := d.places[g.Attempt]; ok {
			out = append(out, notice{place: at, kind: noticeGranted, attempt: g.Attempt, grant: g})
		}
	}
	for _, g := range slices.Concat(c.Adopted, c.Listed) {
		if at, ok := d.places[g.Attempt]; ok {
			out = append(out, notice{place: at, kind: noticeAdopted, attempt: g.Attempt, grant: g})
		}
	}
	for _, u := range c.Unlisted {
		if at, ok := d.places[u.Attempt]; ok {
			out = append(out, notice{place: at, kind: noticeUnlisted, attempt: u.Attempt, unseen: u.Grant})
		}
	}
	if d.heardOnly() { // who lost what is the place's to say
		return out
	}
	d.metrics.orphans.Add(int64(len(c.Lost)))
	for _, lost := range c.Lost {
		d.r.cfg.Logger.Warn("worker lost", "worker_id", lost.Worker, "job_id", lost.Attempt, "reason", lost.Reason)
		if at, ok := d.places[lost.Attempt]; ok {
			delete(d.places, lost.Attempt)
			out = append(out, notice{place: at, kind: noticeLost, attempt: lost.Attempt, lost: lost})
		}
	}
	return out
}

// keepOthers answers the notices for a lane, which it carries out itself, and keeps those for others to be brought to them. The caller
// holds mu.
func (d *dispatch) keepOthers(all []notice, l *lane) []notice {
	own := all[:0]
	for i := range all {
		if n := &all[i]; l != nil && n.lane == l {
			own = append(own, *n)
		} else {
			d.out = append(d.out, *n)
		}
	}
	return own
}

// unlock ends what was done under mu, and brings what was decided to its lanes. It is there when unlock returns.
func (d *dispatch) unlock() {
	d.rouse()
	more := len(d.out) > 0
	d.mu.Unlock()
	if !more {
		return
	}
	d.bringing.Lock()
	defer d.bringing.Unlock()
	d.mu.Lock()
	all := d.out
	d.out, d.spare = d.spare[:0], nil
	d.mu.Unlock()
	d.deliver(all)
	if clear(all); cap(all) > maxSpare {
		return
	}
	d.mu.Lock()
	d.spare = all
	d.mu.Unlock()
}

// maxSpare is for how many notices room is kept.
const maxSpare = 1024

// deliver hands what the fleet answered to the lanes, those of other processes too. Who waits for a key has its answer before there is
// a run.
func (d *dispatch) deliver(all []notice) {
	var away []outgoing
	for i := range all {
		n := &all[i]
		switch {
		case n.peer != nil:
			away = post(away, n.peer, write(letterNotice, n))
		case n.aboutAsked() && (d.r.peers.answered(n) || n.kind == noticeReserved):
		case n.lane != nil:
			n.lane.inbox.push(*n.task())
		}
	}
	for _, o := range away {
		o.to.send(o.letters)
	}
}

// outgoing are the letters to one other process.
type outgoing struct {
	to      *peerEnd
	letters []letter
}

// post adds a letter to those of its process. There are few processes, and who was written to first is sent to first.
func post(away []outgoing, to *peerEnd, l letter) []outgoing {
	for i := range away {
		if away[i].to == to {
			away[i].letters = append(away[i].letters, l)
			return away
		}
	}
	return append(away, outgoing{to, []letter{l}})
}

// aboutAsked tells whether a notice may be the answer to moveKeyAsk.
func (n *notice) aboutAsked() bool { return n.kind == noticeRefused || n.kind == noticeReserved }

// task is a notice as its lane's task. A grant that finds no run in memory is given back: recovery announces it again.
func (n *notice) task() *task {
	switch {
	case n.kind == noticeUnlisted:
		return n.unlistedTask()
	case n.kind >= noticeAdmitted:
		return n.keyTask()
	}
	said := *n
	t := &task{run: n.run, do: said.apply}
	if n.kind == noticeGranted {
		l, attempt := n.lane, n.attempt
		t.fail = func(error) { l.moves = append(l.moves, move{kind: moveEnded, attempt: attempt}) }
	}
	return t
}

// apply takes a notice to its job.
func (n *notice) apply(t *turn) {
	if int(n.step) >= len(t.live.jobs) || t.live.jobs[n.step] == nil || n.late(t.live) {
		return
	}
	switch n.kind {
	case noticeGranted:
		t.granted(n.step, n.grant)
	case noticeAdopted:
		t.adopted(n.step, n.grant)
	case noticeLost:
		t.orphaned(n.step, n.lost)
	case noticeHeard:
		t.live.heard(n.step, t.now)
		t.lane.schedule(t.live)
	case noticeSaid:
		t.checkpoint(n.step, n.attempt, n.said)
	}
}

// late tells whether a grant was overtaken on its way: the attempt was taken back meanwhile, and may have been granted anew.
func (n *notice) late(lr *live) bool {
	return n.kind == noticeGranted && n.withheld < lr.ids[n.step].withheld
}

// unlistedTask answers that the grant is not on its way to its worker any more. Behind it in the lane's inbox, that is so whatever
// became of it: it was sent, it was given back, or a commit failed that it hung on.
func (n *notice) unlistedTask() *task {
	l, answer := n.lane, move{kind: moveSent, attempt: n.attempt, grant: n.unseen}
	step := n.step
	return &task{
		run: n.run,
		do: func(t *turn) {
			if at := t.live.sentAt(step, answer.attempt); !at.IsZero() {
				answer.ago = t.now.Sub(at)
			}
			l.moves = append(l.moves, answer)
		},
		fail: func(error) { l.moves = append(l.moves, answer) },
	}
}

// sentAt is when an attempt was sent; zero when it was not, or that is not remembered.
func (lr *live) sentAt(step int32, attempt string) time.Time {
	if int(step) >= len(lr.jobs) || lr.jobs[step] == nil || lr.attemptID(step) != attempt {
		return time.Time{}
	}
	return lr.ids[step].sentAt
}

// keyTask is what a run is told of its concurrency key.
func (n *notice) keyTask() *task {
	kind := n.kind
	t := &task{run: n.run, tenant: n.tenant, do: func(t *turn) {
		switch kind {
		case noticeAdmitted:
			_ = t.decide(engine.Admit{Stamp: t.system("its concurrency key is free")})
		case noticeCrowded:
			if r := t.live.run; !r.State.Final() && r.Stop < engine.StopCancel {
				_ = t.decide(engine.Cancel{Stamp: t.system("a newer run has the same concurrency key")})
			}
		case noticeRefused:
			if t.live.run.State == engine.RunPending {
				_ = t.decide(engine.Cancel{Stamp: t.system("concurrency_limit: its concurrency key is taken")})
			}
		}
	}}
	l, again := n.lane, *n
	t.fail = func(err error) {
		if transient(err) {
			l.later(retryPause, *again.task())
		}
	}
	return t
}
