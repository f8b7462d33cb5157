package scheduler

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/codec"
)

var jobEpoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// workbench is a job and a clock: it feeds inputs, applies what they make true and keeps the moves that were made.
type workbench struct {
	t     interface{ Fatalf(string, ...any) }
	job   Job
	terms Terms
	now   time.Time
	made  map[JobMove]bool
}

func newWorkbench(t interface{ Fatalf(string, ...any) }, terms Terms) *workbench {
	b := &workbench{t: t, terms: terms, now: jobEpoch, made: map[JobMove]bool{}}
	b.job.Ask(b.now, 1, "job.t", "", "")
	return b
}

func (b *workbench) feed(in JobInput) Ruling {
	ruling := Decide(&b.job, 0, b.now, b.terms, in)
	for _, f := range ruling.Facts {
		was := b.job.State
		if err := Apply(&b.job, b.now, f); err != nil {
			b.t.Fatalf("%T gives %T: %v", in, f, err)
		}
		switch f.(type) {
		case *JobReleased, *JobSent, *JobBegun, *JobEnded, *JobApprovalAsked, *JobWithheld, *JobPosted:
			b.made[JobMove{was.String(), b.job.State.String()}] = true
		}
	}
	return ruling
}

// to brings a job into a state.
func (b *workbench) to(s JobState) {
	if s == JobApprovalRequired {
		b.feed(Verdict{Decided: JobDecided{Snapshot: "s"}, Ask: true})
		return
	}
	steps := []JobInput{
		Verdict{Allow: true, Token: []byte("t1")}, Sent{Worker: "w"}, Begin{Token: []byte("t1"), Worker: "w"},
	}
	for _, in := range steps[:map[JobState]int{JobPending: 0, JobScheduled: 1, JobDispatched: 2, JobRunning: 3}[s]] {
		b.feed(in)
	}
	if b.job.State != s {
		b.t.Fatalf("the job is %s, want %s", b.job.State, s)
	}
}

// TestJobRulings: for each state, what an input leads to and what is said. Every legal move is made by one of them.
func TestJobRulings(t *testing.T) {
	mine, stale := []byte("t1"), []byte("t0")
	made := map[JobMove]bool{}
	strict, easy := Terms{CancelGrace: time.Minute}, Terms{Idempotent: true, CancelGrace: time.Minute}
	for _, c := range []struct {
		name  string
		from  JobState
		terms Terms
		in    []JobInput
		want  JobState
		end   End
		reply Reply
	}{
		{"denied", JobPending, strict, []JobInput{Verdict{}}, JobDenied, EndDenied, ReplyNone},
		{"stopped before the verdict", JobPending, strict, []JobInput{Stop{}}, JobCancelled, EndCancelled, ReplyNone},
		{"an answer before it was sent", JobPending, strict, []JobInput{Answer{Token: mine, State: JobSucceeded}}, JobPending, NotEnded, ReplyStale},
		{"asked", JobPending, strict, []JobInput{Verdict{Ask: true}}, JobApprovalRequired, NotEnded, ReplyNone},
		{"leave", JobApprovalRequired, strict, []JobInput{Leave{Token: mine}}, JobScheduled, NotEnded, ReplyNone},
		{"leave twice", JobApprovalRequired, strict, []JobInput{Leave{Token: mine}, Leave{Token: stale}}, JobScheduled, NotEnded, ReplyNone},
		{"leave that nobody decided", JobPending, strict, []JobInput{Leave{Token: mine}}, JobPending, NotEnded, ReplyNone},
		{"leave for what was decided and waited", JobPending, strict, []JobInput{Verdict{Decided: JobDecided{Snapshot: "s"}, Wait: true}, Leave{Token: mine}}, JobScheduled, NotEnded, ReplyNone},
		{"no leave", JobApprovalRequired, strict, []JobInput{Refuse{}}, JobDenied, EndDenied, ReplyNone},
		{"no leave for what a worker has", JobRunning, strict, []JobInput{Refuse{}}, JobRunning, NotEnded, ReplyNone},
		{"asked again by another policy", JobApprovalRequired, strict, []JobInput{Verdict{Ask: true}}, JobApprovalRequired, NotEnded, ReplyNone},
		{"stopped while people are asked", JobApprovalRequired, strict, []JobInput{Stop{}}, JobCancelled, EndCancelled, ReplyNone},
		{"no need to ask any more", JobApprovalRequired, strict, []JobInput{Withhold{}}, JobPending, NotEnded, ReplyNone},
		{"withheld in the queue", JobScheduled, strict, []JobInput{Withhold{Reason: "held"}}, JobPending, NotEnded, ReplyNone},
		{"withheld at the last moment", JobDispatched, strict, []JobInput{Withhold{}}, JobPending, NotEnded, ReplyNone},
		{"not withheld from a worker", JobRunning, strict, []JobInput{Withhold{}}, JobRunning, NotEnded, ReplyNone},
		{"denied before it was sent", JobScheduled, strict, []JobInput{Verdict{}}, JobDenied, EndDenied, ReplyNone},
		{"to be asked before it was sent", JobScheduled, strict, []JobInput{Verdict{Ask: true}}, JobApprovalRequired, NotEnded, ReplyNone},
		{"allowed again before it was sent", JobScheduled, strict, []JobInput{Verdict{Allow: true, Token: stale}}, JobScheduled, NotEnded, ReplyNone},
		{"a verdict about what was sent", JobDispatched, strict, []JobInput{Verdict{}}, JobDispatched, NotEnded, ReplyNone},
		{"leave with another token", JobScheduled, strict, []JobInput{Begin{Token: stale, Worker: "w"}}, JobScheduled, NotEnded, ReplyStale},
		{"leave to whoever asks first", JobDispatched, strict, []JobInput{Begin{Token: mine, Worker: "x"}}, JobRunning, NotEnded, ReplyOK},
		{"leave asked again", JobRunning, strict, []JobInput{Begin{Token: mine, Worker: "w"}}, JobRunning, NotEnded, ReplyOK},
		{"leave asked by another", JobRunning, strict, []JobInput{Begin{Token: mine, Worker: "x"}}, JobRunning, NotEnded, ReplyStale},
		{"succeeded", JobRunning, strict, []JobInput{Answer{Token: mine, State: JobSucceeded}}, JobSucceeded, EndAnswered, ReplyOK},
		{"failed", JobRunning, strict, []JobInput{Answer{Token: mine, State: JobFailed}}, JobFailed, EndAnswered, ReplyOK},
		{"leave before the send is known", JobScheduled, strict, []JobInput{Begin{Token: mine, Worker: "w"}}, JobRunning, NotEnded, ReplyOK},
		{"sent to another", JobDispatched, easy, []JobInput{Sent{Worker: "x"}}, JobDispatched, NotEnded, ReplyNone},
		{"an answer before the send is known", JobScheduled, easy, []JobInput{Answer{Token: mine, State: JobSucceeded}}, JobSucceeded, EndAnswered, ReplyOK},
		{"a failure before the send is known", JobScheduled, easy, []JobInput{Answer{Token: mine, State: JobFailed}}, JobFailed, EndAnswered, ReplyOK},
		{"queue timeout before it was sent", JobScheduled, strict, []JobInput{Due{TimerQueue}}, JobTimeout, EndQueueTimeout, ReplyNone},
		{"an answer without a begin", JobDispatched, easy, []JobInput{Answer{Token: mine, State: JobSucceeded}}, JobSucceeded, EndAnswered, ReplyOK},
		{"succeeded twice", JobRunning, strict, []JobInput{Answer{Token: mine, State: JobSucceeded}, Answer{Token: mine, State: JobFailed}}, JobSucceeded, NotEnded, ReplyOK},
		{"a result of another send", JobRunning, strict, []JobInput{Answer{Token: stale, State: JobSucceeded}}, JobRunning, NotEnded, ReplyStale},
		{"a worker denies", JobRunning, strict, []JobInput{Answer{Token: mine, State: JobDenied}}, JobRunning, NotEnded, ReplyStale},
		{"a result that is none", JobRunning, strict, []JobInput{Answer{Token: mine, State: JobRunning}}, JobRunning, NotEnded, ReplyStale},
		{"queue timeout", JobDispatched, strict, []JobInput{Due{TimerQueue}}, JobTimeout, EndQueueTimeout, ReplyNone},
		{"queue timeout after it began", JobRunning, strict, []JobInput{Due{TimerQueue}}, JobRunning, NotEnded, ReplyNone},
		{"attempt timeout", JobRunning, strict, []JobInput{Due{TimerAttempt}}, JobTimeout, EndTimeout, ReplyNone},
		{"attempt timeout of an attempt before", JobScheduled, strict, []JobInput{Due{TimerAttempt}}, JobScheduled, NotEnded, ReplyNone},
		{"silence", JobRunning, strict, []JobInput{Due{TimerHeartbeat}}, JobTimeout, EndHeartbeatTimeout, ReplyNone},
		{"silence of nobody", JobScheduled, strict, []JobInput{Due{TimerHeartbeat}}, JobScheduled, NotEnded, ReplyNone},
		{"grace without a cancel", JobRunning, strict, []JobInput{Due{TimerGrace}}, JobRunning, NotEnded, ReplyNone},
		{"abandoned in the queue", JobScheduled, strict, []JobInput{Abandon{}}, JobCancelled, EndCancelled, ReplyNone},
		{"abandoned without leave", JobDispatched, strict, []JobInput{Abandon{}}, JobCancelled, EndCancelled, ReplyNone},
		{"abandoned, and may have begun", JobDispatched, easy, []JobInput{Abandon{}}, JobTimeout, EndTimeout, ReplyNone},
		{"abandoned at work", JobRunning, strict, []JobInput{Abandon{}}, JobTimeout, EndTimeout, ReplyNone},
		{"cancel unanswered", JobRunning, strict, []JobInput{Stop{Force: true, Held: true}, Due{TimerGrace}}, JobCancelled, EndCancelled, ReplyNone},
		{"cancelled but succeeded", JobRunning, strict, []JobInput{Stop{Force: true, Held: true}, Answer{Token: mine, State: JobSucceeded}}, JobSucceeded, EndAnswered, ReplyOK},
		{"a halt leaves what a worker has", JobRunning, strict, []JobInput{Stop{Held: true}}, JobRunning, NotEnded, ReplyNone},
		{"a halt stops what is queued", JobScheduled, strict, []JobInput{Stop{}}, JobCancelled, EndCancelled, ReplyNone},
		{"no leave for what is cancelled", JobDispatched, strict, []JobInput{Stop{Force: true, Held: true}, Begin{Token: mine, Worker: "w"}}, JobCancelled, EndCancelled, ReplyStale},
		{"lost before it began", JobDispatched, strict, []JobInput{Lost{Send: 1, Token: []byte("t2")}}, JobScheduled, NotEnded, ReplyNone},
		{"lost before anybody had it", JobScheduled, easy, []JobInput{Lost{Send: 1, Token: []byte("t2")}}, JobScheduled, NotEnded, ReplyNone},
		{"lost while idempotent", JobDispatched, easy, []JobInput{Lost{Send: 1, Token: []byte("t2")}}, JobFailed, EndLost, ReplyNone},
		{"lost after it began", JobRunning, strict, []JobInput{Lost{Send: 1, Token: []byte("t2")}}, JobFailed, EndLost, ReplyNone},
		{"handed over", JobScheduled, strict, []JobInput{HandOver{Worker: "w"}}, JobRunning, NotEnded, ReplyNone},
		{"handed over though it is to stop", JobDispatched, strict, []JobInput{Stop{Force: true, Held: true}, HandOver{Worker: "w"}}, JobDispatched, NotEnded, ReplyNone},
		{"handed over twice", JobScheduled, strict, []JobInput{HandOver{Worker: "w"}, HandOver{Worker: "x"}}, JobRunning, NotEnded, ReplyNone},
		{"nobody listened", JobScheduled, strict, []JobInput{HandOver{}, Posted{Send: 1, Unheard: true}}, JobScheduled, NotEnded, ReplyNone},
		{"nobody listened, told after it was taken for sent", JobScheduled, strict, []JobInput{HandOver{}, Posted{Send: 1}, Posted{Send: 1, Unheard: true}}, JobScheduled, NotEnded, ReplyNone},
		{"nobody listened, and it is to stop", JobScheduled, strict, []JobInput{HandOver{}, Stop{Force: true, Held: true}, Posted{Send: 1, Unheard: true}}, JobCancelled, EndCancelled, ReplyNone},
		{"nobody listened to a send before", JobScheduled, strict, []JobInput{HandOver{}, Posted{Send: 0, Unheard: true}}, JobRunning, NotEnded, ReplyNone},
		{"nobody listened, said of what a worker asked for", JobRunning, strict, []JobInput{Posted{Send: 1, Unheard: true}}, JobRunning, NotEnded, ReplyNone},
		{"a worker of plain CAP is lost", JobScheduled, strict, []JobInput{HandOver{Worker: "w"}, Lost{Send: 1, Token: []byte("t2")}}, JobFailed, EndLost, ReplyNone},
		{"stopped where nobody knows who has it", JobScheduled, strict, []JobInput{HandOver{}, Stop{Force: true, Held: true}, Due{TimerGrace}}, JobCancelled, EndCancelled, ReplyNone},
		{"lost before, told late", JobDispatched, strict, []JobInput{Lost{Send: 0, Token: []byte("t2")}}, JobDispatched, NotEnded, ReplyNone},
		{"the old send's result after it was sent again", JobDispatched, strict, []JobInput{Lost{Send: 1, Token: []byte("t2")}, Answer{Token: mine, State: JobSucceeded}}, JobScheduled, NotEnded, ReplyStale},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newWorkbench(t, c.terms)
			b.made = made
			b.to(c.from)
			var r Ruling
			for _, in := range c.in {
				r = b.feed(in)
			}
			if b.job.State != c.want || r.End != c.end || r.Reply != c.reply {
				t.Errorf("%s, end %d, reply %d; want %s, %d, %d", b.job.State, r.End, r.Reply, c.want, c.end, c.reply)
			}
		})
	}
	for _, m := range JobMoves() {
		if !made[m] {
			t.Errorf("nothing moves a job from %s to %s", m.From, m.To)
		}
	}
}

// TestJobMachine: whatever comes in, moves are legal, at most one result of a send is accepted, tokens of sends before are
// stale, sends grow, and folding the facts over the state before gives the state after.
func TestJobMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newWorkbench(t, Terms{Idempotent: rapid.Bool().Draw(t, "idempotent"), Timeout: time.Second, CancelGrace: time.Second})
		tokens, accepted := 0, map[string]bool{}
		fresh := func() []byte { tokens++; return []byte("t" + strconv.Itoa(tokens)) }
		for range rapid.IntRange(1, 30).Draw(t, "inputs") {
			if b.job.State.Final() && rapid.Bool().Draw(t, "next attempt") {
				b.job.Ask(b.now, b.job.Attempt+1, "job.t", "", "")
			}
			token := []byte("t" + strconv.Itoa(rapid.IntRange(max(tokens-1, 0), tokens).Draw(t, "token")))
			in := drawJobInput(t, token, fresh)
			before, send := codec.Append(nil, &b.job), b.job.Send
			current := bytes.Equal(token, b.job.Token)
			ruling := b.feed(in)
			checkFold(t, before, &b.job, b.now, ruling.Facts)
			if b.job.Send < send {
				t.Fatalf("the send went back from %d to %d", send, b.job.Send)
			}
			if _, is := in.(Answer); is && ruling.End == EndAnswered {
				if !current || accepted[string(token)] {
					t.Fatalf("the result of send %q was accepted; the job had %q", token, b.job.Token)
				}
				accepted[string(token)] = true
			}
			if again := Decide(&b.job, 0, b.now, b.terms, in); ruling.End != NotEnded && again.End != NotEnded {
				t.Fatalf("%T ends the attempt twice", in)
			}
		}
	})
}

func drawJobInput(t *rapid.T, token []byte, fresh func() []byte) JobInput {
	worker := rapid.SampledFrom([]string{"v", "w"}).Draw(t, "worker")
	switch rapid.IntRange(0, 17).Draw(t, "input") {
	case 0, 1, 2:
		decided := JobDecided{Snapshot: rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "snapshot")}
		n := rapid.IntRange(0, 7).Draw(t, "verdict")
		return Verdict{Decided: decided, Allow: n > 0, Ask: n == 6, Wait: n == 7, Token: fresh()}
	case 11:
		return Leave{Token: fresh()}
	case 12:
		return Refuse{}
	case 13:
		return Withhold{Reason: "held"}
	case 3, 4:
		return Sent{Worker: worker}
	case 5, 6:
		return Begin{Token: token, Worker: worker}
	case 7:
		return Progress{Token: token, Worker: worker, Percent: rapid.Int32().Draw(t, "percent")}
	case 8:
		states := []JobState{JobSucceeded, JobFailed, JobCancelled, JobTimeout, JobDenied, JobRunning}
		return Answer{Token: token, Worker: worker, State: rapid.SampledFrom(states).Draw(t, "state")}
	case 15:
		return HandOver{Worker: rapid.SampledFrom([]string{"", "v"}).Draw(t, "plain worker"), Timeout: time.Second}
	case 16, 17:
		return Posted{Send: rapid.Int32Range(0, 5).Draw(t, "posted send"), Unheard: rapid.Bool().Draw(t, "unheard")}
	case 9:
		return Stop{Force: rapid.Bool().Draw(t, "force"), Held: rapid.Bool().Draw(t, "held")}
	case 10:
		return Lost{Send: rapid.Int32Range(0, 5).Draw(t, "send"), Token: fresh()}
	}
	return Due{JobTimer(rapid.IntRange(15, 20).Draw(t, "timer"))}
}

func checkFold(t *rapid.T, before []byte, after *Job, now time.Time, facts []Fact) {
	var j Job
	if err := codec.Decode(before, &j); err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	for _, f := range facts {
		stored := NewFact(f.Kind())
		if err := codec.Decode(codec.Append(nil, f), stored); err != nil {
			t.Fatalf("%T: %v", f, err)
		}
		if err := Apply(&j, now, stored); err != nil {
			t.Fatalf("%T: %v", f, err)
		}
	}
	if !bytes.Equal(codec.Append(nil, &j), codec.Append(nil, after)) {
		t.Fatalf("folding the facts gives another state")
	}
}

// TestJobFactsThatDoNotFit are errors and change nothing; illegal moves are a programmer's mistake.
func TestJobFactsThatDoNotFit(t *testing.T) {
	for from := JobPending; from <= JobDenied; from++ {
		for to := JobPending; to <= JobDenied; to++ {
			j := Job{State: from}
			legal := slices.Contains(JobMoves(), JobMove{from.String(), to.String()})
			func() {
				defer func() {
					if panicked := recover() != nil; panicked == legal {
						t.Errorf("%s to %s: panics %t", from, to, panicked)
					}
				}()
				j.move(to)
			}()
			if !to.Final() || legal {
				continue
			}
			j = Job{State: from}
			if err := Apply(&j, jobEpoch, &JobEnded{State: to}); !errors.Is(err, ErrBadFact) || j.State != from {
				t.Errorf("%s ended as %s: %v, now %s", from, to, err, j.State)
			}
		}
	}
	j := Job{State: JobPending, Send: 3}
	if err := Apply(&j, jobEpoch, &JobReleased{Send: 3}); !errors.Is(err, ErrBadFact) {
		t.Errorf("a release that counts no send: %v", err)
	}
}

// FuzzDecodeJobFact: no bytes make a decoder panic or a fold go wrong.
func FuzzDecodeJobFact(f *testing.F) {
	for _, fact := range []Fact{
		&JobDecided{Verdict: "ALLOW"}, &JobReleased{Send: 1, Token: []byte("t")}, &JobSent{Worker: "w"}, &JobBegun{Worker: "w"},
		&JobProgressed{Percent: 7, State: []byte(`{}`)}, &JobCancelling{GraceAt: jobEpoch}, &JobEnded{State: JobFailed},
	} {
		f.Add(byte(fact.Kind()), byte(JobScheduled), codec.Append(nil, fact))
	}
	f.Fuzz(func(t *testing.T, kind, state byte, raw []byte) {
		fact := NewFact(FactKind(kind))
		if fact == nil || codec.Decode(raw, fact) != nil {
			return
		}
		j := Job{State: JobState(state)}
		before := codec.Append(nil, &j)
		if Apply(&j, jobEpoch, fact) != nil && !bytes.Equal(before, codec.Append(nil, &j)) {
			t.Fatalf("a refused %T changed the job", fact)
		}
	})
}

// TestTokensOfThePast: a job knows which attempt a token was made for, also when the attempt ended without an answer.
func TestTokensOfThePast(t *testing.T) {
	b := newWorkbench(t, Terms{})
	b.to(JobRunning)
	b.feed(Due{TimerAttempt})
	b.job.Ask(b.now, 2, "job.t", "", "")
	b.feed(Verdict{Allow: true, Token: []byte("a longer token")})
	if one, two, none := b.job.AttemptOf([]byte("t1")), b.job.AttemptOf([]byte("a longer token")), b.job.AttemptOf([]byte("x")); one != 1 || two != 2 || none != 0 {
		t.Errorf("the tokens are of attempts %d, %d and %d, want 1, 2 and 0", one, two, none)
	}
	var read Job
	if err := codec.Decode(codec.Append(nil, &b.job), &read); err != nil || read.AttemptOf([]byte("t1")) != 1 {
		t.Errorf("read back: %v, attempt %d", err, read.AttemptOf([]byte("t1")))
	}
	b.feed(Answer{Token: []byte("a longer token"), State: JobSucceeded})
	b.job.Shed()
	b.job.Shed()
	if !b.job.Known([]byte("a longer token")) || b.job.Known([]byte("t1")) || b.job.Token != nil || b.job.Past != nil {
		t.Errorf("after shedding the job is %+v", b.job)
	}
}

// TestTokensRememberedAreBounded: an attempt that is tried again and again costs no more memory for each.
func TestTokensRememberedAreBounded(t *testing.T) {
	b := newWorkbench(t, Terms{})
	for n := range int32(3 * maxPast) {
		token := []byte(strconv.Itoa(int(n)))
		b.job.Ask(b.now, n+1, "job.t", "", "")
		b.feed(Verdict{Allow: true, Token: token})
		b.feed(Begin{Token: token, Worker: "w"})
		b.feed(Due{TimerAttempt})
	}
	if len(b.job.Past) != maxPast || b.job.AttemptOf([]byte("0")) != 0 || b.job.AttemptOf([]byte(strconv.Itoa(3*maxPast-1))) == 0 {
		t.Errorf("%d sends are remembered", len(b.job.Past))
	}
}
