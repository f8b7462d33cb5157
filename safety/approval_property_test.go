package safety

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/codec"
)

// crowd are the people of the properties: two of them use keys, and one person has two.
var crowd = []Person{
	{Actor: "user:ann", Roles: []string{"sre", RoleApprover}},
	{Actor: "user:bo", Roles: []string{"sre", RoleApprover}},
	{Actor: "user:cy", Roles: []string{"cfo", RoleApprover}},
	{Actor: "user:dee", Groups: []string{"ops"}},
	{Actor: "user:ed"},
	{Actor: "key:bo-1", Roles: []string{"sre", "cfo"}, Owner: "user:bo"},
	{Actor: "key:bo-2", Groups: []string{"ops"}, Owner: "user:bo"},
	{Actor: "key:ann", Roles: []string{"cfo"}, Owner: "user:ann"},
}

var crowdApprovers = []string{"role:sre", "role:cfo", "group:ops", "user:ed", "user:ann", `"sre" in roles`}

func drawNeeds(t *rapid.T) []Need {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Need {
		n := Need{
			Approvers: rapid.SliceOfNDistinct(rapid.SampledFrom(crowdApprovers), 0, 3, rapid.ID).Draw(t, "approvers"),
			Quorum:    rapid.IntRange(0, 3).Draw(t, "quorum"), DenyQuorum: rapid.IntRange(0, 2).Draw(t, "deny quorum"),
			FourEyes: rapid.Bool().Draw(t, "four eyes"), ExcludeAuthor: rapid.Bool().Draw(t, "exclude author"),
		}
		for _, hours := range rapid.SliceOfN(rapid.IntRange(1, 6), 0, 2).Draw(t, "hops") {
			n.Escalate = append(n.Escalate, Escalation{time.Duration(hours) * time.Hour, []string{rapid.SampledFrom(crowdApprovers).Draw(t, "to")}})
		}
		return n
	}), 0, 3).Draw(t, "needs")
}

// drama is an approval and what random people, and the clock, do to it.
type drama struct {
	*rapid.T
	a   *Approval
	log []stampedFact
	now time.Time
	closed,
	released int // in this round
	hash, policy string // of the job as it is, and of the policy in force
}

// stampedFact is a fact as it was stored when it came.
type stampedFact struct {
	at   time.Time
	kind ApprovalFactKind
	body []byte
}

func (d *drama) apply(facts ...ApprovalFact) {
	for _, f := range facts {
		if !d.a.Fits(f) {
			d.Fatalf("%T does not fit an approval that is %s", f, d.a.State)
		}
		wasOpen := d.a.Open()
		d.log = append(d.log, stampedFact{d.now, f.Kind(), codec.Append(nil, f)})
		d.a.Apply(d.now, f)
		switch f := f.(type) {
		case *ApprovalOpened, *ApprovalVoided:
			d.closed, d.released = 0, 0
		case *ApprovalClosed:
			if d.closed++; d.closed > 1 || !wasOpen {
				d.Fatalf("closed %d times", d.closed)
			}
			switch f.State {
			case ApprovalApproved:
				d.mustBeEarned(VoteApprove)
			case ApprovalDenied:
				d.mustBeEarned(VoteDeny)
			}
		case *ApprovalConsumed:
			if d.released++; d.released > 1 {
				d.Fatalf("used %d times", d.released)
			}
		}
	}
}

// open asks, for the job as it is and by the policy in force.
func (d *drama) open() {
	f := &ApprovalOpened{
		Step: 1, Source: OfJob, Hash: d.hash, Snapshot: d.policy, Needs: drawNeeds(d.T),
		RequestedBy: rapid.SampledFrom([]string{"user:ann", "user:ed", "key:bo-1"}).Draw(d.T, "requester"),
		RunFor:      rapid.SampledFrom([]string{"", "user:cy"}).Draw(d.T, "run for"), Author: rapid.SampledFrom([]string{"", "user:dee"}).Draw(d.T, "author"),
		OnExpiry: rapid.SampledFrom([]string{OnExpiryDeny, OnExpiryEscalate, OnExpiryRollback}).Draw(d.T, "on expiry"),
	}
	if f.RequestedBy == "key:bo-1" {
		f.RequesterOwner = "user:bo"
	}
	if hours := rapid.IntRange(0, 5).Draw(d.T, "expires"); hours > 0 {
		f.ExpiresAt = d.now.Add(time.Duration(hours) * time.Hour)
	}
	d.apply(f)
}

func (d *drama) answer() {
	in := Answer{
		Decision: rapid.SampledFrom([]VoteKind{VoteApprove, VoteApprove, VoteApprove, VoteDeny, VoteSendBack}).Draw(d.T, "decision"),
		Person:   rapid.SampledFrom(crowd).Draw(d.T, "person"), Now: d.now,
		ExpectHash: rapid.SampledFrom([]string{"", d.a.Hash, "h0"}).Draw(d.T, "expected"),
	}
	if rapid.Bool().Draw(d.T, "for somebody") {
		in.For = rapid.SampledFrom(crowd).Draw(d.T, "for").Actor
	}
	before, late := codec.Append(nil, d.a), d.a.expired(d.now)
	facts, err := d.a.Decide(1, in)
	if string(codec.Append(nil, d.a)) != string(before) || (err != nil && facts != nil) {
		d.Fatal("asking changed the approval")
	}
	if len(facts) > 0 && (late || !d.a.Open() || (in.ExpectHash != "" && in.ExpectHash != d.a.Hash)) {
		d.Fatalf("an answer was taken that came too late, or to something else: %v", facts)
	}
	d.apply(facts...)
	if again, err2 := d.a.Decide(1, in); err == nil && (len(again) > 0 || (err2 != nil && d.a.Open())) {
		d.Fatalf("the same answer again: %v, %v", again, err2)
	}
}

// mustBeEarned recounts, by itself, what an end says of the votes.
func (d *drama) mustBeEarned(kind VoteKind) {
	needs := d.a.Needs
	if len(needs) == 0 {
		needs = []Need{{}}
	}
	met := 0
	for _, n := range needs {
		if quorum := map[VoteKind]int{VoteApprove: n.Quorum, VoteDeny: n.DenyQuorum}[kind]; d.count(n, kind) >= max(1, quorum) {
			met++
		}
	}
	if met == 0 || (kind == VoteApprove && met < len(needs)) {
		d.Fatalf("%s: %d of %d needs say so: %+v; votes %+v", d.a.State, met, len(needs), needs, d.a.Votes)
	}
}

// count is how many people gave a vote of a kind that counts for a need.
func (d *drama) count(n Need, kind VoteKind) int {
	people := map[string]bool{}
	for _, v := range d.a.Votes {
		if v.Void || v.Decision != kind {
			continue
		}
		voter := crowd[slices.IndexFunc(crowd, func(p Person) bool { return p.Actor == v.By })]
		right := voter
		if v.For != "" {
			k := slices.IndexFunc(d.a.Delegations, func(g Delegation) bool {
				return g.From == v.For && (g.To == voter.Actor || g.To == voter.Owner) && g.Until.After(v.At)
			})
			right = Person{Actor: v.For, Roles: d.a.Delegations[k].Roles, Groups: d.a.Delegations[k].Groups}
		}
		if d.among(n, right) && (kind == VoteDeny || !d.suspect(n, voter) && !d.suspect(n, right)) {
			people[human(voter)] = true
		}
	}
	return len(people)
}

func human(p Person) string {
	if p.Owner != "" {
		return p.Owner
	}
	return p.Actor
}

func (d *drama) among(n Need, p Person) bool {
	has := func(who string) bool {
		switch who {
		case "role:sre", `"sre" in roles`:
			return slices.Contains(p.Roles, "sre")
		case "role:cfo":
			return slices.Contains(p.Roles, "cfo")
		case "group:ops":
			return slices.Contains(p.Groups, "ops")
		}
		return human(p) == who
	}
	return len(n.Approvers) == 0 || slices.ContainsFunc(n.Approvers, has)
}

func (d *drama) suspect(n Need, p Person) bool {
	requesters := append([]string{d.a.RequestedBy, d.a.RequesterOwner, d.a.RunFor}, d.a.Editors...)
	mine := []string{p.Actor, human(p)}
	return (n.ExcludeAuthor && slices.Contains(mine, d.a.Author)) ||
		(n.FourEyes && slices.ContainsFunc(requesters, func(s string) bool { return slices.Contains(mine, s) }))
}

// release lets the job go when its approval allows it, as a runner does.
func (d *drama) release() {
	if d.a.State == ApprovalUsed || d.a.Unusable(Use{Hash: d.hash, Snapshot: d.policy, Now: d.now}) != "" {
		return
	}
	if d.a.Hash != d.hash || d.a.Snapshot != d.policy {
		d.Fatal("what goes is not what was approved")
	}
	d.mustBeEarned(VoteApprove)
	d.apply(&ApprovalConsumed{Step: 1})
}

func (d *drama) check() {
	if d.a.State == ApprovalWaiting && d.closed > 0 {
		d.Fatal("it waits and is closed")
	}
	again := &Approval{}
	for _, e := range d.log {
		f := NewApprovalFact(e.kind)
		if err := codec.Decode(e.body, f); err != nil || !again.Fits(f) {
			d.Fatalf("the log does not fold: %T, %v", f, err)
		}
		again.Apply(e.at, f)
	}
	is, stored := codec.Append(nil, d.a), &Approval{}
	if err := codec.Decode(is, stored); err != nil || !bytes.Equal(codec.Append(nil, stored), is) || !bytes.Equal(codec.Append(nil, again), is) {
		d.Fatalf("folded %+v\nstored %+v\nis %+v, %v", again, stored, d.a, err)
	}
}

// TestApprovalRace: whatever people, edits, publishing and the clock do, in whatever order: an approval has one end in a round,
// nothing is approved without a quorum of distinct people who may approve, and what is released is what they approved.
func TestApprovalRace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &drama{T: t, a: &Approval{}, now: asked, hash: "h1", policy: "s1"}
		d.open()
		made := 1
		t.Repeat(map[string]func(*rapid.T){
			"answer":  func(t *rapid.T) { d.T = t; d.answer() },
			"answer2": func(t *rapid.T) { d.T = t; d.answer() },
			"release": func(t *rapid.T) { d.T = t; d.release() },
			"wait": func(t *rapid.T) {
				d.T = t
				d.now = d.now.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute)
				for _, f := range d.a.Lapse(1, d.now) {
					if closed, is := f.(*ApprovalClosed); is && closed.State != ApprovalExpired {
						t.Fatalf("the clock made it %s", closed.State)
					}
					d.apply(f)
				}
				if due := d.a.Due(d.now); !due.IsZero() && !due.After(d.now) {
					t.Fatalf("what was due at %s is still due", due)
				}
			},
			"delegate": func(t *rapid.T) {
				d.T = t
				from, to := rapid.SampledFrom(crowd).Draw(t, "from"), rapid.SampledFrom(crowd).Draw(t, "to")
				until := d.now.Add(time.Duration(rapid.IntRange(-1, 3).Draw(t, "hours")) * time.Hour)
				facts, err := d.a.Delegate(1, from, to.Actor, until, d.now, "")
				if err == nil && !until.After(d.now) {
					t.Fatal("a delegation until the past")
				}
				d.apply(facts...)
			},
			"edit": func(t *rapid.T) {
				d.T = t
				if d.a.State != ApprovalWaiting && d.a.State != ApprovalApproved {
					return
				}
				made++
				d.hash = "h" + strconv.Itoa(made)
				editor := rapid.SampledFrom(crowd).Draw(t, "editor")
				d.apply(&ApprovalVoided{Step: 1, Hash: d.hash, By: editor.Actor, Owner: editor.Owner})
				if d.a.Met(nil) {
					t.Fatal("earlier answers count after an edit")
				}
			},
			"publish": func(t *rapid.T) { d.T = t; made++; d.policy = "s" + strconv.Itoa(made) },
			"again":   func(t *rapid.T) { d.T = t; d.open() },
			"cancel": func(t *rapid.T) {
				d.T = t
				if d.a.Open() {
					d.apply(&ApprovalClosed{Step: 1, State: ApprovalCancelled, By: "system"})
				}
			},
			"": func(t *rapid.T) { d.T = t; d.check() },
		})
	})
}

// TestRaceOfAll: an approval, a denial, the expiry, an edit, a policy and the job's start in every order there is: one of the
// answers wins in each round, and what starts was approved as it is, by the policy in force.
func TestRaceOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &drama{T: t, a: &Approval{}, now: asked, hash: "h1", policy: "s1"}
		need := []Need{{FourEyes: true}}
		open := func(why string) {
			d.apply(&ApprovalOpened{
				Step: 1, Source: OfJob, Hash: d.hash, Snapshot: d.policy, RequestedBy: "user:ann", Needs: need, ExpiresAt: asked.Add(time.Hour), Why: why,
			})
		}
		open("")
		say := func(kind VoteKind, who int) func() {
			return func() {
				if facts, err := d.a.Decide(1, Answer{Decision: kind, Person: crowd[who], Now: d.now}); err == nil {
					d.apply(facts...)
				}
			}
		}
		acts := []func(){
			say(VoteApprove, 1), say(VoteDeny, 2), say(VoteApprove, 3),
			func() { d.now = asked.Add(time.Hour); d.apply(d.a.Lapse(1, d.now)...) },
			func() {
				if d.a.Open() {
					d.hash = "h2"
					d.apply(&ApprovalVoided{Step: 1, By: "user:bo"})
					open("edited")
				}
			},
			func() {
				if d.policy = "s2"; d.a.Open() {
					open("another policy")
				}
			},
			d.release, d.release,
		}
		for _, i := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "order") {
			acts[i]()
		}
		if d.a.Open() && d.closed != 0 || !d.a.Open() && d.closed != 1 {
			t.Fatalf("it is %s after %d ends", d.a.State, d.closed)
		}
		d.check()
	})
}
