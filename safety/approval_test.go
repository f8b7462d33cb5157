package safety

import (
	"errors"
	"testing"
	"time"

	"cordum.dev/cordum/internal/codec"
)

var asked = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func opened(expires time.Time) *Approval {
	a := &Approval{Title: "Go?"}
	a.Apply(asked, &ApprovalOpened{Step: 1, Hash: "h", RequestedBy: "ann", ExpiresAt: expires})
	return a
}

// TestAnswers: who may still answer, and what becomes of it.
func TestAnswers(t *testing.T) {
	expires := asked.Add(time.Hour)
	for _, c := range []struct {
		name    string
		expires time.Time
		before  ApprovalState
		in      Answer
		want    ApprovalState
		err     error
	}{
		{"yes", time.Time{}, ApprovalWaiting, Answer{Approve: true, Now: asked}, ApprovalApproved, nil},
		{"the zero answer says no", time.Time{}, ApprovalWaiting, Answer{Now: asked}, ApprovalDenied, nil},
		{"yes to what was shown", time.Time{}, ApprovalWaiting, Answer{Approve: true, ExpectHash: "h", Now: asked}, ApprovalApproved, nil},
		{"yes to something else", time.Time{}, ApprovalWaiting, Answer{Approve: true, ExpectHash: "x", Now: asked}, ApprovalWaiting, ErrHash},
		{"the last moment", expires, ApprovalWaiting, Answer{Approve: true, Now: expires.Add(-1)}, ApprovalApproved, nil},
		{"too late", expires, ApprovalWaiting, Answer{Approve: true, Now: expires}, ApprovalWaiting, ErrExpired},
		{"after the expiry was noticed", expires, ApprovalExpired, Answer{Approve: true, Now: asked}, ApprovalExpired, ErrExpired},
		{"a second answer", time.Time{}, ApprovalDenied, Answer{Approve: true, Now: asked}, ApprovalDenied, ErrDecided},
		{"after the run stopped asking", time.Time{}, ApprovalCancelled, Answer{Approve: true, Now: asked}, ApprovalCancelled, ErrDecided},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := opened(c.expires)
			a.State = c.before
			c.in.By, c.in.Comment = "bo", "because"
			closed, err := a.Decide(1, c.in)
			if !errors.Is(err, c.err) {
				t.Fatalf("err %v, want %v", err, c.err)
			}
			if err == nil {
				a.Apply(c.in.Now, closed)
				if a.DecidedBy != "bo" || a.Comment != "because" || !a.DecidedAt.Equal(c.in.Now) || closed.Step != 1 {
					t.Errorf("decided as %+v", a)
				}
			}
			if a.State != c.want {
				t.Errorf("the approval is %s, want %s", a.State, c.want)
			}
		})
	}
}

// TestApprovalMoves makes every legal move, and sees the others panic.
func TestApprovalMoves(t *testing.T) {
	legal := map[[2]string]bool{}
	for _, m := range ApprovalMoves() {
		legal[m] = true
	}
	for from := ApprovalWaiting; from <= ApprovalCancelled; from++ {
		for to := ApprovalApproved; to <= ApprovalCancelled; to++ {
			a := opened(time.Time{})
			a.State = from
			panicked := func() (did bool) {
				defer func() { did = recover() != nil }()
				a.Apply(asked, &ApprovalClosed{State: to})
				return false
			}()
			if want := !legal[[2]string{from.String(), to.String()}]; panicked != want {
				t.Errorf("%s to %s: panics %t, want %t", from, to, panicked, want)
			}
		}
	}
}

func TestApprovalIsStored(t *testing.T) {
	a := opened(asked.Add(time.Hour))
	a.Context = []byte(`{"n":1}`)
	closed, err := a.Decide(1, Answer{Approve: true, By: "bo", Comment: "ok", Now: asked.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []ApprovalFact{&ApprovalOpened{Step: 2, Hash: "h", RequestedBy: "ann", ExpiresAt: asked}, closed} {
		back := NewApprovalFact(f.Kind())
		if err := codec.Decode(codec.Append(nil, f), back); err != nil || string(codec.Append(nil, back)) != string(codec.Append(nil, f)) {
			t.Errorf("%T reads back as %+v, %v", f, back, err)
		}
		if back.Of() != f.Of() {
			t.Errorf("%T is about step %d, not %d", f, back.Of(), f.Of())
		}
	}
	a.Apply(asked, closed)
	var back Approval
	if err := codec.Decode(codec.Append(nil, a), &back); err != nil || back.State != ApprovalApproved || string(back.Context) != `{"n":1}` {
		t.Errorf("the approval reads back as %+v, %v", back, err)
	}
	if NewApprovalFact(0) != nil {
		t.Error("a kind that nobody knows is made")
	}
}

// TestShownHash: what is shown cannot be changed, nor moved between its parts, without another hash.
func TestShownHash(t *testing.T) {
	seen := map[string]string{}
	for _, c := range [][2]string{{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"ab", "d"}, {"", ""}} {
		h := ShownHash(c[0], []byte(c[1]))
		if other, taken := seen[h]; taken {
			t.Errorf("%q and %q have one hash", c, other)
		}
		seen[h] = c[0] + "|" + c[1]
	}
}
