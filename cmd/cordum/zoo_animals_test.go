package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

// animals are the bad workers, what each does, and how its run ends.
var animals = []struct {
	name string
	does func(*testing.T, *animal)
	ends string
	gets string // its run's workflow; default "bad"
}{
	{"garbage", sendsGarbage, "succeeded", ""},
	{"returns 64 MiB", returnsTooMuch, "failed", ""},
	{"lies about what it did", liesAboutJobs, "succeeded", ""},
	{"hangs", hangs, "failed", "short"},
	{"beats a million lies", beatsLies, "succeeded", ""},
	{"never stops talking", neverStopsTalking, "succeeded", ""},
	{"gives everything back", givesEverythingBack, "succeeded", ""},
	{"claims what others have", claimsEverything, "succeeded", ""},
	{"two processes with one id", twins, "succeeded", ""},
	{"a thousand at once", thousand, "succeeded", ""},
}

// sendsGarbage: nothing that is no packet, or says nothing that can be, is taken for an answer.
func sendsGarbage(t *testing.T, k *animal) {
	k.beat()
	j := k.job()
	for _, data := range [][]byte{nil, []byte("garbage"), bytes.Repeat([]byte{0xff}, 1000), make([]byte, 8<<20), {0x08, 0x63}} {
		for _, subject := range []string{j.AnswerSubject, bus.SubjectResult, bus.SubjectProgress, bus.SubjectHeartbeat, "sys.heartbeat." + k.id, "sys.handshake"} {
			if err := k.conn.Publish(subject, data); err != nil {
				t.Fatal(err)
			}
		}
	}
	res := k.result(j)
	res.Status = math.MaxInt32 // that it ended is all that is understood: a failure
	k.answered(j, res)
	k.done(k.job())
}

// returnsTooMuch: what is too large for a result is a failure that says so; what is too large for the bus costs the connection.
func returnsTooMuch(t *testing.T, k *animal) {
	k.beat()
	j := k.job()
	res := k.result(j)
	res.Output = []byte(`"` + strings.Repeat("x", 16<<20) + `"`)
	if err := k.conn.Publish(j.AnswerSubject, make([]byte, 64<<20)); err == nil {
		t.Error("the client took 64 MiB")
	}
	raw, err := net.Dial("tcp", k.z.nats)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_, _ = fmt.Fprintf(raw, "CONNECT {\"verbose\":false}\r\nPUB %s %d\r\n", j.AnswerSubject, 64<<20)
	go func() {
		chunk := make([]byte, 64<<10)
		for range 1024 {
			if _, err := raw.Write(chunk); err != nil {
				return
			}
		}
	}()
	_ = raw.SetReadDeadline(time.Now().Add(20 * time.Second))
	if said, err := io.ReadAll(raw); err != nil && !strings.Contains(err.Error(), "reset") || len(said) == 0 {
		t.Errorf("a packet of 64 MiB is answered %.200q, %v", said, err)
	}
	k.answered(j, res)
	again := k.job()
	res.JobId, res.Token = again.JobId, again.Token
	k.answered(again, res)
}

// liesAboutJobs: with the token of its own attempt it answers for other steps, runs and tenants, and answers again.
func liesAboutJobs(t *testing.T, k *animal) {
	k.beat()
	j := k.job()
	good := k.z.beginRun("good")
	other := k.z.beginRun("bad")
	for _, id := range []string{good + ".a~0", good + ".b~0", other + ".a~0", k.bad + ".b~0", k.bad + ".a~1", k.bad, "", "x"} {
		res := k.result(j)
		res.JobId = id
		if code := k.ask(j.AnswerSubject, res); code == wire.AckCode_ACK_CODE_OK {
			t.Errorf("its result for %q is taken", id)
		}
	}
	for _, token := range [][]byte{nil, []byte("x"), append(bytes.Clone(j.Token[:16]), "other"...), append(bytes.Clone(j.Token), 'x')} {
		res := k.result(j)
		res.Token = token
		if code := k.ask(j.AnswerSubject, res); code == wire.AckCode_ACK_CODE_OK {
			t.Errorf("its result with the token %q is taken", token)
		}
	}
	k.done(j)
	again := k.result(j)
	again.Status, again.ErrorCode = wire.JobStatus_JOB_STATUS_FAILED, "changed_my_mind"
	for range 3 {
		k.ask(j.AnswerSubject, again) // was answered before: it changes nothing
	}
	if v := k.z.settle(good); v.State != "succeeded" {
		t.Errorf("the run that it lied about %s", v.State)
	}
	k.done(k.job())
	if v := k.z.settle(other); v.State != "succeeded" {
		t.Errorf("its other run %s", v.State)
	}
}

// hangs: an attempt that never ends has its timeout, and so has the next; its worker does not hear that it should stop.
func hangs(_ *testing.T, k *animal) {
	stop := make(chan struct{})
	defer close(stop)
	go k.beatUntil(stop)
	k.job()
	k.job()
	k.z.settle(k.bad)
}

// beatsLies: heartbeats that nobody could mean, as fast as they go, with ids made up as they come.
func beatsLies(_ *testing.T, k *animal) {
	lie := &wire.Heartbeat{
		ActiveJobs: -1, CpuLoad: float32(math.NaN()), GpuUtilization: float32(math.Inf(1)), MaxParallelJobs: math.MaxInt32, Direct: true, ListsJobs: true,
		Pool: strings.Repeat("p", 10_000), Topics: []string{"job.zoo.other", "no topic", ""}, Labels: map[string]string{"": "x"},
	}
	for n := range 20_000 {
		switch n % 4 {
		case 0:
			lie.WorkerId = "liar"
		case 1:
			lie.WorkerId = fmt.Sprint("liar.>.", n)
		case 2:
			lie.WorkerId = fmt.Sprint("no subject ", n)
		case 3:
			lie.WorkerId = ""
		}
		lie.Incarnation = fmt.Sprint(n % 3)
		k.say(bus.SubjectHeartbeat, lie)
	}
	k.say(bus.SubjectHeartbeat, &wire.Heartbeat{WorkerId: "liar", Incarnation: "last", Leaving: true})
	k.beat()
	k.done(k.job())
}

// neverStopsTalking: progress and lines of its log for some seconds, as fast as they go, from its own attempt and from made-up ones.
func neverStopsTalking(t *testing.T, k *animal) {
	k.beat()
	j := k.job()
	lines := make([]*wire.LogLine, 64)
	for i := range lines {
		lines[i] = &wire.LogLine{Stream: "stdout", Text: strings.Repeat("blah ", 20)}
	}
	n, end := int64(0), time.Now().Add(2*time.Second)
	for time.Now().Before(end) {
		k.say(j.AnswerSubject, &wire.JobProgress{JobId: j.JobId, Token: j.Token, WorkerId: k.id, Percent: int32(n % 100), Message: "busy", State: fmt.Appendf(nil, `{"n":%d}`, n)})
		k.say(j.AnswerSubject, &wire.JobProgress{JobId: j.JobId, Token: fmt.Append(nil, n), WorkerId: k.id, Percent: 1})
		if n%16 == 0 {
			k.say(j.AnswerSubject, &wire.JobLog{JobId: j.JobId, Token: j.Token, WorkerId: k.id, First: n*64 + 1, Lines: lines})
		}
		n++
	}
	k.done(j)
	v := k.z.settle(k.bad)
	if v.Seq > 100 {
		t.Errorf("of %d words its run has %d events", n, v.Seq)
	}
}

// givesEverythingBack: whatever it gets it returns at once, beating in between as fast as it can.
func givesEverythingBack(t *testing.T, k *animal) {
	returned, end := 0, time.Now().Add(2*time.Second)
	var j *wire.JobRequest
	for time.Now().Before(end) {
		k.beat()
		select {
		case j = <-k.jobs:
			returned++
			k.ask(j.AnswerSubject, &wire.JobReturn{JobId: j.JobId, Token: j.Token, WorkerId: k.id, Reason: "full"})
		case <-time.After(2 * time.Millisecond):
		}
	}
	if returned == 0 || returned > 10 {
		t.Errorf("it was given %d attempts in 2 s", returned)
	}
	stop := make(chan struct{})
	defer close(stop)
	go k.beatUntil(stop) // it is believed again after a while
	k.done(k.job())
}

func (k *animal) beatUntil(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
			k.beat()
		}
	}
}

// claimsEverything: its heartbeats list all that others have and all that waits. It gets none of it.
func claimsEverything(t *testing.T, k *animal) {
	liar := &wire.Heartbeat{WorkerId: "claimant", Topics: []string{"job.zoo.other"}, MaxParallelJobs: 1, Direct: true, ListsJobs: true}
	for range 20 {
		good := k.z.beginRun("good")
		for _, run := range []string{k.bad, good} {
			for _, step := range []string{".a~0", ".b~0"} {
				liar.Jobs = append(liar.Jobs, &wire.JobHold{JobId: run + step}, &wire.JobHold{JobId: run + step, Token: []byte("guess")})
			}
		}
		k.say(bus.SubjectHeartbeat, liar)
		if v := k.z.settle(good); v.State != "succeeded" {
			t.Errorf("a good run %s", v.State)
		}
	}
	k.beat()
	j := k.job()
	k.say(bus.SubjectHeartbeat, liar)
	k.done(j)
	k.say(bus.SubjectHeartbeat, &wire.Heartbeat{WorkerId: "claimant", Leaving: true})
}

// twins: two processes beat under one id in turns. Its attempts are not lost faster than their retries allow, and the newer one is
// the worker.
func twins(t *testing.T, k *animal) {
	beat := func(incarnation string, holds ...*wire.JobHold) {
		k.say(bus.SubjectHeartbeat, &wire.Heartbeat{
			WorkerId: k.id, Topics: []string{"job.zoo.bad"}, MaxParallelJobs: 4, Direct: true, ListsJobs: true, Incarnation: incarnation, Jobs: holds,
		})
	}
	beat("old")
	first := k.job()
	beat("new")
	again := k.job()
	hold := &wire.JobHold{JobId: again.JobId, Token: again.Token}
	for range 10_000 {
		beat("old", &wire.JobHold{JobId: first.JobId, Token: first.Token})
		beat("new", hold)
	}
	if code := k.ask(first.AnswerSubject, k.result(first)); code != wire.AckCode_ACK_CODE_STALE {
		t.Errorf("the older one's result is answered %s", code)
	}
	k.done(again)
}

// thousand: a thousand workers come, all at once, are cut off, and come again.
func thousand(_ *testing.T, k *animal) {
	for round := range 2 {
		conns := k.z.crowd(round + 1)
		k.z.goodRuns(5)
		for _, conn := range conns {
			conn.Close()
		}
	}
	k.beat()
	k.done(k.job())
}
