package safety

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"cordum.dev/cordum/internal/codec"
)

var asked = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ask is a question of step 1, asked at asked by ann.
func ask(f ApprovalOpened) *Approval {
	f.Step = 1
	if f.Hash == "" {
		f.Hash = "h"
	}
	if f.RequestedBy == "" {
		f.RequestedBy = "user:ann"
	}
	a := &Approval{}
	a.Apply(asked, &f)
	return a
}

func user(name string, roles ...string) Person { return Person{Actor: "user:" + name, Roles: roles} }

// say gives an answer and applies what it makes true.
func say(t testing.TB, a *Approval, in Answer) {
	t.Helper()
	if in.Now.IsZero() {
		in.Now = asked
	}
	facts, err := a.Decide(1, in)
	if err != nil {
		t.Fatalf("%s by %s: %v", in.Decision, in.Person.Actor, err)
	}
	for _, f := range facts {
		a.Apply(in.Now, f)
	}
}

func approves(p Person) Answer { return Answer{Decision: VoteApprove, Person: p} }
func denies(p Person) Answer   { return Answer{Decision: VoteDeny, Person: p} }

// TestAnswers: what one answer comes to, and why one is refused.
func TestAnswers(t *testing.T) {
	expires := asked.Add(time.Hour)
	sre := []Need{{Approvers: []string{"role:sre", "user:cy"}}}
	strict := []Need{{FourEyes: true}}
	mine := ApprovalOpened{RequestedBy: "key:ci", RequesterOwner: "user:ann", RunFor: "user:fay", Editors: []string{"user:ed"}, Author: "user:au", Needs: strict}
	form := ApprovalOpened{Form: json.RawMessage(`{}`)}
	for _, c := range []struct {
		name   string
		opened ApprovalOpened
		in     Answer
		want   ApprovalState
		err    error
	}{
		{"yes", ApprovalOpened{}, approves(user("bo")), ApprovalApproved, nil},
		{"the zero answer says no", ApprovalOpened{}, Answer{Person: user("bo")}, ApprovalDenied, nil},
		{"do something again first", ApprovalOpened{}, Answer{Decision: VoteSendBack, Person: user("bo")}, ApprovalSentBack, nil},
		{"nobody says yes", ApprovalOpened{}, Answer{Decision: VoteApprove}, ApprovalWaiting, ErrNotApprover},
		{"to what was shown", ApprovalOpened{}, Answer{Decision: VoteApprove, Person: user("bo"), ExpectHash: "h"}, ApprovalApproved, nil},
		{"to something else", ApprovalOpened{}, Answer{Decision: VoteApprove, Person: user("bo"), ExpectHash: "x"}, ApprovalWaiting, ErrHash},
		{"the last moment", ApprovalOpened{ExpiresAt: expires}, Answer{Decision: VoteApprove, Person: user("bo"), Now: expires.Add(-1)}, ApprovalApproved, nil},
		{"too late", ApprovalOpened{ExpiresAt: expires}, Answer{Decision: VoteApprove, Person: user("bo"), Now: expires}, ApprovalWaiting, ErrExpired},
		{"by role", ApprovalOpened{Needs: sre}, approves(user("bo", "sre")), ApprovalApproved, nil},
		{"by name", ApprovalOpened{Needs: sre}, approves(user("cy")), ApprovalApproved, nil},
		{"by a key of who is named", ApprovalOpened{Needs: sre}, approves(Person{Actor: "key:c", Owner: "user:cy"}), ApprovalApproved, nil},
		{"not by another role", ApprovalOpened{Needs: sre}, approves(user("bo", "dev", "admin")), ApprovalWaiting, ErrNotApprover},
		{"nor may another deny", ApprovalOpened{Needs: sre}, denies(user("bo")), ApprovalWaiting, ErrNotApprover},
		{"a role is no name", ApprovalOpened{Needs: []Need{{Approvers: []string{"user:sre"}}}}, approves(user("bo", "sre")), ApprovalWaiting, ErrNotApprover},
		{"by group", ApprovalOpened{Needs: []Need{{Approvers: []string{"group:ops"}}}}, approves(Person{Actor: "user:bo", Groups: []string{"ops"}}), ApprovalApproved, nil},
		{"a gate may allow self-approval", ApprovalOpened{}, approves(user("ann")), ApprovalApproved, nil},
		{"four eyes: the requester", ApprovalOpened{Needs: strict}, approves(user("ann")), ApprovalWaiting, ErrFourEyes},
		{"four eyes: the requester may deny", ApprovalOpened{Needs: strict}, denies(user("ann")), ApprovalDenied, nil},
		{"four eyes: the requester's key", ApprovalOpened{Needs: strict}, approves(Person{Actor: "key:x", Owner: "user:ann"}), ApprovalWaiting, ErrFourEyes},
		{"four eyes: the owner of the requesting key", mine, approves(user("ann")), ApprovalWaiting, ErrFourEyes},
		{"four eyes: another key of that owner", mine, approves(Person{Actor: "key:cd", Owner: "user:ann"}), ApprovalWaiting, ErrFourEyes},
		{"four eyes: whom the run acts for", mine, approves(user("fay")), ApprovalWaiting, ErrFourEyes},
		{"four eyes: an editor", mine, approves(user("ed")), ApprovalWaiting, ErrFourEyes},
		{"four eyes: the author is not meant", mine, approves(user("au")), ApprovalApproved, nil},
		{"the author is excluded", ApprovalOpened{Author: "user:au", Needs: []Need{{ExcludeAuthor: true}}}, approves(user("au")), ApprovalWaiting, ErrFourEyes},
		{"and nobody else", ApprovalOpened{Author: "user:au", Needs: []Need{{ExcludeAuthor: true}}}, approves(user("ann")), ApprovalApproved, nil},
		{"two are needed", ApprovalOpened{Needs: []Need{{Quorum: 2}}}, approves(user("bo")), ApprovalWaiting, nil},
		{"two must deny", ApprovalOpened{Needs: []Need{{Quorum: 2, DenyQuorum: 2}}}, denies(user("bo")), ApprovalWaiting, nil},
		{"one denies what two must approve", ApprovalOpened{Needs: []Need{{Quorum: 2}}}, denies(user("bo")), ApprovalDenied, nil},
		{"for one need of two", ApprovalOpened{Needs: []Need{{Approvers: []string{"role:sre"}}, {Approvers: []string{"role:cfo"}}}}, approves(user("bo", "sre")), ApprovalWaiting, nil},
		{"for both", ApprovalOpened{Needs: []Need{{Approvers: []string{"role:sre"}}, {Approvers: []string{"role:cfo"}}}}, approves(user("bo", "sre", "cfo")), ApprovalApproved, nil},
		{"values nobody can check", form, approves(user("bo")), ApprovalWaiting, &FormError{}},
		{"values that fit", form, Answer{Decision: VoteApprove, Person: user("bo"), CheckForm: fits}, ApprovalApproved, nil},
		{"values that do not", form, Answer{Decision: VoteApprove, Person: user("bo"), Values: []byte(`{}`), CheckForm: fits}, ApprovalWaiting, &FormError{}},
		{"no needs no values", form, denies(user("bo")), ApprovalDenied, nil},
		{"but given ones fit", form, Answer{Person: user("bo"), Values: []byte(`{}`), CheckForm: fits}, ApprovalWaiting, &FormError{}},
		{"an expression", ApprovalOpened{Needs: []Need{{Approvers: []string{`"sre" in roles and tags.team == "pay" and input.sum < 10`}}}, Subject: Subject{Tags: map[string]string{"team": "pay"}, Input: []byte(`{"sum":3}`)}}, approves(user("bo", "sre")), ApprovalApproved, nil},
		{"an expression that is false", ApprovalOpened{Needs: []Need{{Approvers: []string{`principal == "user:cy"`}}}}, approves(user("bo")), ApprovalWaiting, ErrNotApprover},
		{"an expression that fails", ApprovalOpened{Needs: []Need{{Approvers: []string{`input.sum < 10`}}}}, approves(user("bo")), ApprovalWaiting, ErrNotApprover},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(c.opened)
			if c.in.Now.IsZero() {
				c.in.Now = asked
			}
			before := codec.Append(nil, a)
			facts, err := a.Decide(1, c.in)
			if string(codec.Append(nil, a)) != string(before) {
				t.Error("asking changed the approval")
			}
			var form, wanted *FormError
			if errors.As(c.err, &wanted) != errors.As(err, &form) || (wanted == nil && !errors.Is(err, c.err)) {
				t.Fatalf("err %v, want %v", err, c.err)
			}
			for _, f := range facts {
				a.Apply(c.in.Now, f)
			}
			if a.State != c.want || (err == nil) != (len(a.Votes) == 1) {
				t.Errorf("the approval is %s with %d votes, want %s", a.State, len(a.Votes), c.want)
			}
		})
	}
}

// fits takes no values at all.
func fits(_, values json.RawMessage) error {
	if string(values) == "null" {
		return nil
	}
	return errors.Join(errors.New("at /a it is bad"), errors.New("at /b it is worse"))
}

// TestClosed: what is said of who decided, with which values.
func TestClosed(t *testing.T) {
	a := ask(ApprovalOpened{Needs: []Need{{Quorum: 2, DenyQuorum: 2}}, Form: []byte(`{}`)})
	any := func(_, _ json.RawMessage) error { return nil }
	say(t, a, denies(user("no")))
	say(t, a, Answer{Decision: VoteApprove, Person: user("bo"), Values: []byte(`{"n":1}`), CheckForm: any})
	say(t, a, Answer{Decision: VoteApprove, Person: user("cy"), Comment: "fine", CheckForm: any, Channel: "cli"})
	if a.State != ApprovalApproved || !slices.Equal(a.DecidedBy, []string{"user:bo", "user:cy"}) || string(a.Values) != `{"n":1}` || a.Comment != "fine" {
		t.Errorf("decided as %s by %v, %s %q", a.State, a.DecidedBy, a.Values, a.Comment)
	}
	if v := a.Votes[2]; v.Channel != "cli" || v.Hash != "h" || !v.At.Equal(asked) {
		t.Errorf("the vote is %+v", v)
	}
	for _, in := range []Answer{approves(user("dee")), denies(user("bo")), approves(user("bo"))} {
		in.Now = asked
		if _, err := a.Decide(1, in); !errors.Is(err, ErrDecided) {
			t.Errorf("%s after the close: %v", in.Person.Actor, err)
		}
	}
	problems := ask(ApprovalOpened{Form: []byte(`{}`)})
	_, err := problems.Decide(1, Answer{Decision: VoteApprove, Person: user("bo"), Values: []byte(`1`), CheckForm: fits, Now: asked})
	var form *FormError
	if !errors.As(err, &form) || !slices.Equal(form.Problems, []string{"at /a it is bad", "at /b it is worse"}) {
		t.Errorf("the problems of a form are %v", err)
	}
}

// TestVotesOfOnePerson: the same vote twice is one, another is refused, and keys of one owner are one person.
func TestVotesOfOnePerson(t *testing.T) {
	a := ask(ApprovalOpened{Needs: []Need{{Quorum: 2, DenyQuorum: 2}}})
	say(t, a, approves(user("bo")))
	before := codec.Append(nil, a)
	if facts, err := a.Decide(1, Answer{Decision: VoteApprove, Person: user("bo"), Now: asked, Comment: "again"}); err != nil || facts != nil {
		t.Errorf("the same vote makes %v true, %v", facts, err)
	}
	for _, in := range []Answer{denies(user("bo")), approves(Person{Actor: "key:1", Owner: "user:bo"}), denies(Person{Actor: "key:2", Owner: "user:bo"})} {
		in.Now = asked
		if _, err := a.Decide(1, in); !errors.Is(err, ErrVoted) {
			t.Errorf("%s by %s: %v", in.Decision, in.Person.Actor, err)
		}
	}
	if err := a.MayDecide(user("bo"), asked); !errors.Is(err, ErrVoted) {
		t.Errorf("who voted may decide: %v", err)
	}
	if string(codec.Append(nil, a)) != string(before) {
		t.Error("refusals changed the approval")
	}
	say(t, a, approves(Person{Actor: "key:9", Owner: "user:cy"}))
	if a.State != ApprovalApproved {
		t.Errorf("after two people it is %s", a.State)
	}
}

// TestApprovalMoves makes every legal move, and sees the others panic.
func TestApprovalMoves(t *testing.T) {
	legal := map[[2]string]bool{}
	for _, m := range ApprovalMoves() {
		legal[m] = true
	}
	for from := ApprovalWaiting; from <= ApprovalUsed; from++ {
		for to := ApprovalWaiting; to <= ApprovalUsed; to++ {
			a := ask(ApprovalOpened{})
			a.State = from
			var f ApprovalFact = &ApprovalClosed{State: to}
			switch to {
			case ApprovalWaiting:
				f = &ApprovalOpened{Hash: "h"}
			case ApprovalUsed:
				f = &ApprovalConsumed{}
			}
			want := legal[[2]string{from.String(), to.String()}] || (from == ApprovalWaiting && to == ApprovalWaiting)
			if fits := a.Fits(f); fits != want {
				t.Errorf("%s to %s: fits %t, want %t", from, to, fits, want)
			}
			panicked := func() (did bool) {
				defer func() { did = recover() != nil }()
				a.Apply(asked, f)
				return false
			}()
			if panicked == want || (want && a.State != to) {
				t.Errorf("%s to %s: panics %t, want %t", from, to, panicked, !want)
			}
		}
	}
	for name, f := range map[string]ApprovalFact{
		"a close":      &ApprovalClosed{State: ApprovalApproved},
		"a vote":       &ApprovalVoted{},
		"a use":        &ApprovalConsumed{},
		"an edit":      &ApprovalVoided{},
		"a hop":        &ApprovalEscalated{},
		"a delegation": &ApprovalDelegated{},
		"nothing":      nil,
	} {
		if new(Approval).Fits(f) {
			t.Errorf("%s fits what was never asked", name)
		}
	}
	if ask(ApprovalOpened{}).Fits(&ApprovalEscalated{Need: 0}) {
		t.Error("a hop of a need that is not there fits")
	}
}

// TestAskedAgain: an edit, another policy or a new round void what was answered, which stays to be seen; who edits is an
// editor from then on.
func TestAskedAgain(t *testing.T) {
	needs := []Need{{Quorum: 2, FourEyes: true}}
	a := ask(ApprovalOpened{Snapshot: "s1", Needs: needs})
	say(t, a, approves(user("bo")))
	a.Apply(asked, &ApprovalVoided{Step: 1, Hash: "h2", By: "key:ed", Owner: "user:ed", Why: "edited"})
	if a.Hash != "h2" || a.Snapshot != "s1" || a.Why != "edited" || len(a.Votes) != 1 || !a.Votes[0].Void || a.Round != 1 {
		t.Fatalf("after an edit: %+v", a)
	}
	for _, p := range []Person{user("ed"), {Actor: "key:ed"}} {
		if _, err := a.Decide(1, Answer{Decision: VoteApprove, Person: p, Now: asked}); !errors.Is(err, ErrFourEyes) {
			t.Errorf("the editor %s approves: %v", p.Actor, err)
		}
	}
	say(t, a, approves(user("bo")))
	say(t, a, approves(user("cy")))
	if a.State != ApprovalApproved {
		t.Fatalf("it is %s", a.State)
	}
	a.Apply(asked, &ApprovalVoided{Step: 1, Snapshot: "s2", By: "system", Why: "another policy"})
	if a.State != ApprovalWaiting || a.Snapshot != "s2" || a.DecidedBy != nil || slices.Contains(a.Editors, "system") || a.Met(nil) {
		t.Fatalf("after another policy: %+v", a)
	}
	a.Apply(asked.Add(time.Hour), &ApprovalOpened{Hash: "h3", Snapshot: "s2", RequestedBy: "user:ann", Needs: needs})
	if a.Round != 2 || len(a.Votes) != 3 || slices.ContainsFunc(a.Votes, func(v Vote) bool { return !v.Void }) || !slices.Contains(a.Editors, "user:ed") {
		t.Fatalf("in the next round: %+v", a)
	}
	for range MaxVoidVotes {
		a.Apply(asked, &ApprovalVoted{Vote: Vote{By: "user:bo", Hash: "h3"}})
	}
	a.Apply(asked, &ApprovalOpened{Hash: "h4"})
	if len(a.Votes) != MaxVoidVotes || a.Votes[0].Decision != VoteDeny {
		t.Errorf("%d void votes are kept", len(a.Votes))
	}
}

// TestUse: an approval lets start what was approved, in time and in its round, while those who gave it may.
func TestUse(t *testing.T) {
	needs := []Need{{Approvers: []string{"role:sre"}}}
	opened := ApprovalOpened{Source: OfJob, Snapshot: "s", Needs: needs, ExpiresAt: asked.Add(time.Hour), Attempt: 2}
	approved := func() *Approval {
		a := ask(opened)
		say(t, a, approves(user("bo", "sre", RoleApprover)))
		return a
	}
	roles := func(now ...string) RolesNow { return func(string) ([]string, bool) { return now, true } }
	unknown := func(string) ([]string, bool) { return nil, false }
	for _, c := range []struct {
		name   string
		use    Use
		usable bool
	}{
		{"as it was", Use{}, true},
		{"other bytes", Use{Hash: "x"}, false},
		{"another policy", Use{Snapshot: "t"}, false},
		{"in its round", Use{First: 2}, true},
		{"in the next round", Use{First: 3}, false},
		{"the last moment", Use{Now: asked.Add(time.Hour - 1)}, true},
		{"too late", Use{Now: asked.Add(time.Hour)}, false},
		{"they have their roles", Use{Roles: roles("sre", RoleAdmin)}, true},
		{"they lost the role that was asked for", Use{Roles: roles(RoleApprover)}, false},
		{"they may not decide approvals any more", Use{Roles: roles("sre", "viewer")}, false},
		{"their key is revoked", Use{Roles: roles()}, false},
		{"nobody knows", Use{Roles: unknown}, true},
	} {
		u := c.use
		if u.Hash == "" {
			u.Hash = "h"
		}
		if u.Snapshot == "" {
			u.Snapshot = "s"
		}
		if u.Now.IsZero() {
			u.Now = asked
		}
		a := approved()
		if why := a.Unusable(u); (why == "") != c.usable {
			t.Errorf("%s: %q", c.name, why)
		}
		a.Apply(asked, &ApprovalConsumed{Step: 1})
		if why := a.Unusable(u); (why == "") != c.usable {
			t.Errorf("%s, for the next attempt: %q", c.name, why)
		}
	}
	same := Use{Hash: "h", Snapshot: "s", Now: asked}
	if ask(opened).Unusable(same) == "" || new(Approval).Unusable(Use{}) == "" {
		t.Error("what nobody approved can be used")
	}
	denied := ask(opened)
	say(t, denied, denies(user("bo", "sre")))
	if denied.Unusable(same) == "" {
		t.Error("what was denied can be used")
	}
	gained := ask(ApprovalOpened{Needs: []Need{{Approvers: []string{"role:sre"}}, {Approvers: []string{"role:cfo"}}}})
	gained.Apply(asked, &ApprovalVoted{Vote: Vote{By: "user:bo", Decision: VoteApprove, Roles: []string{"sre"}, Hash: "h"}})
	if gained.Met(roles("sre", "cfo")) {
		t.Error("a role that came later makes an old vote count for more")
	}
}

// TestApprovalIsStored: every fact and the approval read back as they were.
func TestApprovalIsStored(t *testing.T) {
	opened := &ApprovalOpened{
		Step: 2, Hash: "h", RequestedBy: "user:ann", ExpiresAt: asked, Source: OfOutput, Title: "Go?", Context: []byte(`{"n":1}`),
		Form: []byte(`{}`), Snapshot: "s", RequesterOwner: "o", RunFor: "f", Author: "a", Editors: []string{"e"}, OnExpiry: OnExpiryRollback,
		Why: "w", Attempt: 3, LatestAt: asked.Add(time.Hour), OnLatest: OnExpiryDeny, Subject: Subject{Tenant: "t", Effect: "write", Cost: 1.5, Tags: map[string]string{"k": "v"}, Input: []byte(`1`)},
		Needs: []Need{{
			Rule: "b/r", Reason: "r", Approvers: []string{"role:x"}, Quorum: 2, DenyQuorum: 3, FourEyes: true, ExcludeAuthor: true,
			Escalate: []Escalation{{After: time.Hour, To: []string{"user:y"}}},
		}},
	}
	vote := Vote{
		By: "b", Decision: VoteApprove, Comment: "c", Values: []byte(`2`), At: asked, For: "f", Roles: []string{"r"}, Groups: []string{"g"},
		Owner: "o", Hash: "h", Channel: "cli",
	}
	delegation := Delegation{From: "f", To: "t", Until: asked, At: asked, By: "b", Reason: "r", Roles: []string{"x"}, Groups: []string{"y"}}
	facts := []ApprovalFact{
		opened, &ApprovalVoted{2, vote}, &ApprovalDelegated{2, delegation}, &ApprovalEscalated{2, 0, []string{"user:y"}, asked, OnExpiryDeny},
		&ApprovalVoided{2, "h2", "s2", "b", "w", "o"}, opened, &ApprovalVoted{2, vote},
		&ApprovalClosed{2, ApprovalApproved, "b", "c", []byte(`3`), []string{"a", "b"}}, &ApprovalConsumed{2},
	}
	a := &Approval{}
	seen := map[ApprovalFactKind]bool{}
	for _, f := range facts {
		back := NewApprovalFact(f.Kind())
		if err := codec.Decode(codec.Append(nil, f), back); err != nil || !reflect.DeepEqual(f, back) || back.Of() != 2 {
			t.Errorf("%T reads back as %+v, %v", f, back, err)
		}
		seen[f.Kind()] = true
		a.Apply(asked, f)
		var whole Approval
		if err := codec.Decode(codec.Append(nil, a), &whole); err != nil || !reflect.DeepEqual(*a, whole) {
			t.Errorf("after %T the approval reads back as %+v, %v", f, whole, err)
		}
	}
	for k := range 256 {
		if f := NewApprovalFact(ApprovalFactKind(k)); (f != nil) != seen[ApprovalFactKind(k)] {
			t.Errorf("kind %d is %T", k, f)
		}
	}
}

// TestFirstRelease: facts of the first release say less, and still make an approval.
func TestFirstRelease(t *testing.T) {
	a := &Approval{Title: "Go?", Context: []byte(`1`)}
	a.Apply(asked, &ApprovalOpened{Step: 1, Hash: "h", RequestedBy: "ann"})
	if !a.Open() || a.Round != 1 || a.Title != "Go?" || a.Context == nil {
		t.Errorf("it is %+v", a)
	}
	a.Apply(asked, &ApprovalClosed{Step: 1, State: ApprovalApproved, By: "bo"})
	if a.State != ApprovalApproved || !slices.Equal(a.DecidedBy, []string{"bo"}) {
		t.Errorf("decided as %+v", a)
	}
}
