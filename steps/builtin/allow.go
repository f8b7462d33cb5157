package builtin

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"

	"cordum.dev/cordum/sdk/go"
)

// Types of constraints that the built-in worker keeps, as policies spell them.
const (
	egressAllowlist = "EgressAllowlist"
	sandbox         = "Sandbox"
)

const whyPolicy = "the policy that allows this job does not list it"

// allowed is where one job may connect to, beyond what the operator opened: both have to allow it. Its entries are hosts or
// HOST:PORT, in which only * is special.
type allowed struct {
	lists [][]string

	mu   sync.Mutex
	used []string // each once, as the entry that allows it has it: with its port or without
}

// allowedBy reads what the constraints of a job say of connections; nil when they say nothing. What cannot be read allows
// nothing.
func allowedBy(job cordum.Job) *allowed {
	a := &allowed{}
	if c, ok := job.Constraint(egressAllowlist); ok {
		list, _ := c.List()
		a.lists = append(a.lists, list)
	}
	if c, ok := job.Constraint(sandbox); ok {
		var s struct {
			Network *[]string `json:"network"`
		}
		switch err := json.Unmarshal(c.Value, &s); {
		case err != nil:
			a.lists = append(a.lists, nil)
		case s.Network != nil:
			a.lists = append(a.lists, *s.Network)
		}
	}
	if a.lists == nil {
		return nil
	}
	return a
}

// use takes note of a connection, or refuses it: every list has to have it. The error is a *deniedError.
func (a *allowed) use(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return &deniedError{address, whyPolicy}
	}
	host = canonicalHost(host)
	used := ""
	for i, list := range a.lists {
		entry, ok := listed(list, host, net.JoinHostPort(host, port))
		if !ok {
			return &deniedError{host, whyPolicy}
		}
		if i == 0 {
			used = entry
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.used, used) {
		a.used = append(a.used, used)
	}
	return nil
}

// listed answers in which of its spellings a list has a host.
func listed(list []string, spellings ...string) (string, bool) {
	for _, pattern := range list {
		for _, s := range spellings {
			if matches(strings.ToLower(pattern), s) {
				return s, true
			}
		}
	}
	return "", false
}

// evidence are the connections that were made.
func (a *allowed) evidence() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string{}, a.used...)
}

type allowedKey struct{}

// within puts what a job may reach where the guard finds it.
func (a *allowed) within(ctx context.Context) context.Context {
	if a == nil {
		return ctx
	}
	return context.WithValue(ctx, allowedKey{}, a)
}

// allowedIn is what the job may reach for which something is dialled; nil when its policy does not say.
func allowedIn(ctx context.Context) *allowed {
	a, _ := ctx.Value(allowedKey{}).(*allowed)
	return a
}

// untouched is the evidence of tools that run no process and touch no file.
var untouched = map[string]any{
	"FsAllowlist": []string{}, "DenyPaths": []string{}, "MaxDiffFiles": 0, "MaxDiffLines": 0, "MaxArtifactBytes": 0,
}

// prove gives evidence of what the worker keeps by its nature, and of the connections that a job made.
func (a *allowed) prove(job cordum.Job) error {
	for kind, evidence := range untouched {
		if _, asked := job.Constraint(kind); asked {
			if err := job.Prove(kind, evidence); err != nil {
				return err
			}
		}
	}
	if _, asked := job.Constraint(egressAllowlist); asked {
		return job.Prove(egressAllowlist, a.evidence())
	}
	return nil
}
