package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// lockOwner takes, renews and releases one lock from outside.
type lockOwner struct {
	p           *process
	lock, owner string
	holds       int64 // the token; 0: nothing
	unsure      bool  // what its last call did is not known
	tokens      []int64
}

func (o *lockOwner) act(random *rand.Rand) error {
	o.unsure = true
	var err error
	switch {
	case o.holds == 0:
		var h runner.LockHolder
		if err = o.post("acquire", gateway.LockAcquire{Name: o.lock, Owner: o.owner, TTLSec: 600}, &h); err == nil {
			o.took(h.Token)
		}
	case random.IntN(3) == 0:
		if err = o.post("release", gateway.LockRelease{Name: o.lock, Owner: o.owner, Token: o.holds}, nil); err == nil {
			o.holds = 0
		}
	default:
		var h runner.LockHolder
		if err = o.post("renew", gateway.LockRenew{Name: o.lock, Owner: o.owner, TTLSec: 600, Token: o.holds}, &h); err == nil && h.Token != o.holds {
			o.p.t.Errorf("renewed %d, which is %d now", o.holds, h.Token)
		}
	}
	if err == nil {
		o.unsure = false
	}
	return err
}

func (o *lockOwner) post(verb string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return o.p.call("POST", "/api/v1/locks/"+verb, "application/json", raw, into)
}

// took notes a grant: its token is greater than every one before.
func (o *lockOwner) took(token int64) {
	if len(o.tokens) > 0 && token <= o.tokens[len(o.tokens)-1] {
		o.p.t.Errorf("%s was granted with token %d after %v", o.lock, token, o.tokens)
	}
	o.holds, o.tokens = token, append(o.tokens, token)
}

func (o *lockOwner) check() {
	o.p.t.Helper()
	v := o.p.lockOf(o.lock)
	has := int64(0)
	if len(v.Holders) == 1 && v.Holders[0].Holder == o.owner {
		has = v.Holders[0].Token
	}
	switch {
	case has == o.holds:
	case !o.unsure || (has != 0 && o.holds != 0):
		o.p.t.Errorf("%s holds %s with token %d, the server says %+v", o.owner, o.lock, o.holds, v)
	case has != 0: // granted, though the answer did not come
		o.took(has)
	default:
		o.holds = 0
	}
	o.unsure = false
}

// handsOver has somebody else take the lock by the command line, when its owner lets go.
func (o *lockOwner) handsOver() {
	o.p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	acquire := func(owner string) result {
		return cordum(ctx, "", []string{"CORDUM_GATEWAY=http://" + o.p.addr}, "lock", "acquire", o.lock, "--owner", owner, "-o", "name")
	}
	if o.holds == 0 {
		o.took(fencingToken(o.p.t, acquire(o.owner).out))
	}
	o.p.kill()
	o.p.start()
	if again := fencingToken(o.p.t, acquire(o.owner).out); again != o.holds {
		o.p.t.Errorf("%s has token %d after a kill, and had %d", o.owner, again, o.holds)
	}
	if r := acquire("other"); r.code != exitError || !strings.Contains(r.errOut, "lock_held") {
		o.p.t.Errorf("a held lock is given away: %+v", r)
	}
	if err := o.post("release", gateway.LockRelease{Name: o.lock, Owner: o.owner, Token: o.holds}, nil); err != nil {
		o.p.t.Fatal(err)
	}
	o.took(fencingToken(o.p.t, acquire("other").out))
}
