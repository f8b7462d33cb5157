package safety

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestDelegation: it is dated, gives exactly what the delegator may do, and makes nobody count twice.
func TestDelegation(t *testing.T) {
	until := asked.Add(time.Hour)
	fresh := func() *Approval {
		return ask(ApprovalOpened{Editors: []string{"user:ed"}, Needs: []Need{{Approvers: []string{"role:sre"}, Quorum: 2, FourEyes: true}}})
	}
	bo := user("bo", "sre")
	for _, c := range []struct {
		name  string
		from  Person
		to    string
		until time.Time
		err   error
	}{
		{"to a colleague", bo, "user:cy", until, nil},
		{"to nobody", bo, "", until, ErrDelegation},
		{"to oneself", bo, "user:bo", until, ErrDelegation},
		{"to one's own key's owner", Person{Actor: "key:1", Owner: "user:bo", Roles: []string{"sre"}}, "user:bo", until, ErrDelegation},
		{"for no time", bo, "user:cy", asked, ErrDelegation},
		{"of what one has not", user("dee"), "user:cy", until, ErrNotApprover},
		{"to the requester", bo, "user:ann", until, ErrFourEyes},
		{"to an editor", bo, "user:ed", until, ErrFourEyes},
		{"by the requester", user("ann", "sre"), "user:cy", until, ErrFourEyes},
	} {
		if _, err := fresh().Delegate(1, c.from, c.to, c.until, asked, "away"); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}

	delegated := func(from Person, to string) *Approval {
		a := fresh()
		facts, err := a.Delegate(1, from, to, until, asked, "away")
		if err != nil {
			t.Fatal(err)
		}
		a.Apply(asked, facts[0])
		return a
	}
	a := delegated(bo, "user:cy")
	if !a.MaySee(user("cy")) || a.MaySee(user("dee")) || a.MayDecide(user("cy"), asked) != nil {
		t.Error("who was delegated to may see it, and nobody else")
	}
	if _, err := a.Decide(1, Answer{Decision: VoteApprove, Person: user("cy"), Now: until}); !errors.Is(err, ErrNotApprover) {
		t.Errorf("after its date: %v", err)
	}
	if _, err := a.Decide(1, Answer{Decision: VoteApprove, Person: user("dee"), For: "user:bo", Now: asked}); !errors.Is(err, ErrNotApprover) {
		t.Errorf("in the name of somebody who did not delegate to one: %v", err)
	}
	if _, err := a.Delegate(1, user("cy"), "user:dee", until, asked, ""); !errors.Is(err, ErrNotApprover) {
		t.Errorf("a delegation was passed on: %v", err)
	}
	say(t, a, approves(user("cy"))) // finds by itself whose right it is
	if v := a.Votes[0]; v.For != "user:bo" || v.By != "user:cy" {
		t.Errorf("the vote is %+v", v)
	}
	if _, err := a.Decide(1, Answer{Decision: VoteApprove, Person: bo, Now: asked}); !errors.Is(err, ErrVoted) {
		t.Errorf("the delegator counts beside the delegate: %v", err)
	}
	say(t, a, approves(user("eve", "sre")))
	if a.State != ApprovalApproved {
		t.Fatalf("it is %s", a.State)
	}
	lost := func(actor string) ([]string, bool) { return nil, actor == "user:bo" }
	if !a.Met(nil) || a.Met(lost) {
		t.Error("the right is the delegator's: with their role it goes")
	}

	keyed := delegated(Person{Actor: "key:1", Owner: "user:bo", Roles: []string{"sre"}}, "user:cy")
	say(t, keyed, approves(user("cy")))
	if _, err := keyed.Decide(1, Answer{Decision: VoteApprove, Person: bo, Now: asked}); !errors.Is(err, ErrVoted) {
		t.Errorf("a key's owner counts beside the key's delegate: %v", err)
	}
	both := delegated(bo, "user:eve")
	say(t, both, approves(user("eve", "sre")))
	if _, err := both.Decide(1, Answer{Decision: VoteApprove, Person: user("eve", "sre"), For: "user:bo", Now: asked}); !errors.Is(err, ErrVoted) {
		t.Errorf("one person counts for two: %v", err)
	}
	edited := delegated(bo, "user:cy")
	edited.Apply(asked, &ApprovalVoided{Hash: "h2", By: "user:cy"})
	if _, err := edited.Decide(1, Answer{Decision: VoteApprove, Person: user("cy"), Now: asked}); err == nil {
		t.Error("an editor approves by delegation")
	}
	full := fresh()
	for i := range MaxDelegations {
		facts, err := full.Delegate(1, bo, "user:"+strconv.Itoa(i), until, asked, "")
		if err != nil {
			t.Fatal(err)
		}
		full.Apply(asked, facts[0])
	}
	if _, err := full.Delegate(1, bo, "user:cy", until, asked, ""); !errors.Is(err, ErrTooManyDelegations) {
		t.Errorf("one delegation too many: %v", err)
	}
}

// TestMaySee: who may see it is who may decide it, and those whose question it is.
func TestMaySee(t *testing.T) {
	a := ask(ApprovalOpened{RequestedBy: "key:ci", RequesterOwner: "user:ann", RunFor: "user:fay", Needs: []Need{{Approvers: []string{"role:sre"}, Quorum: 2}}})
	say(t, a, approves(user("bo", "sre")))
	for _, c := range []struct {
		p    Person
		want bool
	}{
		{user("cy", "sre"), true},
		{user("ann"), true},
		{Person{Actor: "key:ci"}, true},
		{user("fay"), true},
		{user("bo"), true}, // voted, and is no sre any more
		{user("root", RoleAdmin), true},
		{user("dee", RoleApprover), false},
		{Person{}, false},
	} {
		if got := a.MaySee(c.p); got != c.want {
			t.Errorf("%+v may see it: %t", c.p, got)
		}
	}
	if err := a.MayDecide(user("root", RoleAdmin), asked); !errors.Is(err, ErrNotApprover) {
		t.Errorf("role admin decides what it may see: %v", err)
	}
}

// TestEscalation: hops come at their times, add people to their own need, and never an end that approves.
func TestEscalation(t *testing.T) {
	needs := []Need{
		{Approvers: []string{"user:a"}, Escalate: []Escalation{{2 * time.Hour, []string{"user:c"}}, {9 * time.Hour, []string{"user:d"}}}},
		{Approvers: []string{"user:b"}, Escalate: []Escalation{{time.Hour, []string{"user:b2"}}}},
		{Escalate: []Escalation{{3 * time.Hour, []string{"user:e"}}}},
	}
	a := ask(ApprovalOpened{Needs: needs, ExpiresAt: asked.Add(4 * time.Hour), OnExpiry: OnExpiryEscalate})
	at := func(d time.Duration) time.Time { return asked.Add(d) }
	run := func(now time.Time) (n int) {
		for _, f := range a.Lapse(1, now) {
			a.Apply(now, f)
			n++
		}
		return n
	}
	if due := a.Due(asked); !due.Equal(at(time.Hour)) {
		t.Errorf("first due %s", due)
	}
	if run(at(time.Hour)) != 1 || a.Needs[0].Approvers[0] != "user:a" || !slices.Contains(a.Needs[1].Approvers, "user:b2") {
		t.Errorf("after the first hop %+v", a.Needs)
	}
	if len(needs[1].Approvers) != 1 {
		t.Error("the fact was changed")
	}
	if now := at(3 * time.Hour); !a.Due(now).Equal(now) || run(now) != 2 || len(a.Needs[2].Approvers) != 0 {
		t.Errorf("two hops are overdue: %+v", a.Needs)
	}
	if !a.Due(asked).Equal(at(4 * time.Hour)) {
		t.Errorf("the expiry is due at %s", a.Due(asked))
	}
	if run(at(4*time.Hour)) != 1 || !a.Open() || !slices.Contains(a.Needs[0].Approvers, "user:d") || !a.ExpiresAt.Equal(at(8*time.Hour)) {
		t.Errorf("an expiry that escalates: %+v", a)
	}
	if run(at(8*time.Hour)) != 1 || a.State != ApprovalExpired || run(at(9*time.Hour)) != 0 || !a.Due(asked).IsZero() {
		t.Errorf("in the end it is %s", a.State)
	}
	for _, end := range []string{OnExpiryDeny, OnExpiryRollback, OnExpiryEscalate, ""} {
		alone := ask(ApprovalOpened{ExpiresAt: at(time.Hour), OnExpiry: end})
		facts := alone.Lapse(1, at(time.Hour))
		if closed, is := facts[0].(*ApprovalClosed); len(facts) != 1 || !is || closed.State != ApprovalExpired {
			t.Errorf("%q: %v", end, facts)
		}
	}
	if never := ask(ApprovalOpened{}); !never.Due(asked).IsZero() || never.Lapse(1, at(1e6*time.Hour)) != nil {
		t.Error("what has no expiry expires")
	}
}

// TestAskOfDecision: what rules ask is all asked, with the earliest expiry.
func TestAskOfDecision(t *testing.T) {
	d := Decision{Snapshot: "s", Approvals: []RequiredApproval{
		{Rule: "b/1", Approvers: []string{"role:a"}, Quorum: 2, DenyQuorum: 1, Expires: 2 * time.Hour, OnExpiry: OnExpiryRollback},
		{Rule: "b/2", Approvers: []string{`input.owner == principal`}, Quorum: 1, DenyQuorum: 1, Expires: time.Hour, OnExpiry: OnExpiryDeny, FourEyes: Off, ExcludeAuthor: true},
		{Rule: "b/3", Quorum: 1, DenyQuorum: 1, Expires: time.Hour, OnExpiry: OnExpiryRollback, FourEyes: On},
		{Rule: "b/4", Quorum: 1, DenyQuorum: 1, OnExpiry: OnExpiryEscalate},
	}}
	r := Request{Tenant: "t", Input: []byte(`{"owner":"user:bo"}`), Labels: map[string]string{"a": "1", "b": "1"}, Derived: map[string]string{"b": "2"}}
	o := OpenJob(3, d, &r, asked, true)
	if o.Step != 3 || o.Source != OfJob || o.Hash != r.Hash() || o.Snapshot != "s" || len(o.Needs) != 4 {
		t.Fatalf("asked is %+v", o)
	}
	for i, want := range []bool{true, false, true, true} {
		if o.Needs[i].FourEyes != want {
			t.Errorf("four eyes of %s: %t", o.Needs[i].Rule, o.Needs[i].FourEyes)
		}
	}
	if !o.ExpiresAt.Equal(asked.Add(time.Hour)) || o.OnExpiry != OnExpiryRollback {
		t.Errorf("expires %s, then %s", o.ExpiresAt, o.OnExpiry)
	}
	if string(o.Subject.Input) != string(r.Input) || o.Subject.Tags["b"] != "2" {
		t.Errorf("expressions see %+v", o.Subject)
	}
	if s := SubjectOf(&r, o.Needs[:1]); s.Tenant != "" || s.Input != nil {
		t.Errorf("names read %+v", s)
	}
	if s := SubjectOf(&r, []Need{{Approvers: []string{`tenant == "t"`}}}); s.Tenant != "t" || s.Input != nil {
		t.Errorf("an expression without input reads %+v", s)
	}
	var never ApprovalOpened
	if never.Expire(Decision{Approvals: d.Approvals[3:]}, asked); !never.ExpiresAt.IsZero() {
		t.Errorf("what never expires expires %s", never.ExpiresAt)
	}
	var bounded ApprovalOpened
	bounded.Expire(Decision{Approvals: append(d.Approvals[:1:1], RequiredApproval{Expires: time.Minute, OnExpiry: OnExpiryEscalate})}, asked)
	if !bounded.ExpiresAt.Equal(asked.Add(time.Minute)) || !bounded.LatestAt.Equal(asked.Add(2*time.Hour)) || bounded.OnLatest != OnExpiryRollback {
		t.Errorf("expires %+v", bounded)
	}
}

// TestShownHash: what is shown cannot be changed, nor moved between its parts, without another hash.
func TestShownHash(t *testing.T) {
	type shown struct {
		title, context, form string
		needs                []Need
	}
	seen := map[string]int{}
	for i, c := range []shown{
		{"ab", "c", "", nil},
		{"a", "bc", "", nil},
		{"abc", "", "", nil},
		{"", "abc", "", nil},
		{"", "", "abc", nil},
		{"ab", "d", "", nil},
		{"", "", "", nil},
		{"", "", "", []Need{{}}},
		{"", "", "", []Need{{Quorum: 2}}},
		{"", "", "", []Need{{DenyQuorum: 2}}},
		{"", "", "", []Need{{Approvers: []string{"ab", "c"}}}},
		{"", "", "", []Need{{Approvers: []string{"a", "bc"}}}},
		{"", "", "", []Need{{Approvers: []string{"a"}}, {Approvers: []string{"bc"}}}},
	} {
		h := ShownHash(c.title, []byte(c.context), []byte(c.form), c.needs)
		if other, taken := seen[h]; taken {
			t.Errorf("%d and %d have one hash", i, other)
		}
		seen[h] = i
	}
}
