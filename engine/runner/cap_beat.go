package runner

import (
	"encoding/json"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/scheduler"
)

// checkpoint takes what the heartbeat of a worker that lists nothing says of its work: it is heard of with everything it was
// given, and how far it is, and its note, are about its job when it has one alone.
func (d *dispatch) checkpoint(h *wire.Heartbeat) {
	d.mu.Lock()
	held := d.fleet.Holdings(h.WorkerId)
	said := &memo{worker: h.WorkerId, percent: h.ProgressPct, memo: h.LastMemo}
	for _, attempt := range held {
		at, ok := d.places[attempt]
		if ok && at.watched {
			d.out = append(d.out, notice{place: at, kind: noticeHeard, attempt: attempt})
		}
		if ok && len(held) == 1 && (h.ProgressPct > 0 || h.LastMemo != "") {
			d.out = append(d.out, notice{place: at, kind: noticeSaid, attempt: attempt, said: said})
		}
	}
	d.unlock()
}

// checkpoint notes how far a job is, once: the same is said again with every heartbeat.
func (t *turn) checkpoint(step int32, attempt string, m *memo) {
	j := t.live.jobs[step]
	token, ok := t.live.vouched(step, attempt)
	if !ok || !t.live.serves(step) {
		return
	}
	p := scheduler.Progress{Token: token, Worker: m.worker, Percent: m.percent, Message: cutText(m.memo, maxMessage), State: memoState(m.memo)}
	if p.Percent == j.Percent && p.Message == j.Message {
		return
	}
	t.softJob(step, p)
}

// memoState is a worker's note as a checkpoint for the next attempt: as it is when it is JSON, else as a text.
func memoState(memo string) json.RawMessage {
	switch data := []byte(memo); {
	case memo == "" || len(memo) > maxState/2: // a text grows when it is quoted
		return nil
	case validJSON(data):
		return data
	}
	data, err := json.Marshal(cutText(memo, maxState/2))
	if err != nil {
		return nil // a string always encodes
	}
	return data
}
