package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Drain lets a worker or a pool run empty: it gets nothing new, and finishes what it has.
type Drain struct {
	Of     string    `json:"of" enum:"worker,pool"`
	Name   string    `json:"name"`
	Reason string    `json:"reason,omitempty"`
	SetBy  string    `json:"set_by"`
	SetAt  time.Time `json:"set_at"`
}

// drainName is the name of a drain's document.
func drainName(of, name string) (string, error) {
	switch {
	case name == "" || len(name) > maxDocName-len(drainWorkers) || strings.ContainsAny(name, "/\x00\x01"):
		return "", &InvalidError{Code: "invalid_name", Message: "name: of a worker or a pool, without '/'"}
	case of == "pool":
		return drainPools + name, nil
	case of == "worker":
		return drainWorkers + name, nil
	}
	return "", &InvalidError{Code: "invalid_argument", Message: "of: worker or pool"}
}

// Drains lists what is drained by people, pools first, by name.
func (r *Runner) Drains(context.Context, Caller) []Drain {
	out := []Drain{}
	for _, d := range *r.fleet.drains.Load() {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Drain) int { return strings.Compare(a.Of+"\x00"+a.Name, b.Of+"\x00"+b.Name) })
	return out
}

// SetDrain drains a worker or a pool; it need not be there now. When it answers, nothing new is given to it.
func (r *Runner) SetDrain(ctx context.Context, c Caller, of, name string) (Drain, error) {
	doc, err := drainName(of, name)
	if err != nil {
		return Drain{}, err
	}
	d := Drain{Of: of, Name: name, Reason: cutText(c.Reason, maxMessage), SetBy: c.Actor, SetAt: r.now()}
	value, err := json.Marshal(d)
	if err != nil {
		return Drain{}, fmt.Errorf("encode a drain: %w", err)
	}
	if err := r.ChangeDocs(ctx, c, "config.change", "drain/"+doc, DocChange{Kind: drainKind, Name: doc, Value: value}); err != nil {
		return Drain{}, err
	}
	r.reloadFleet(ctx)
	return d, nil
}

// LiftDrain ends a drain, or answers ErrNotFound.
func (r *Runner) LiftDrain(ctx context.Context, c Caller, of, name string) error {
	doc, err := drainName(of, name)
	if err != nil {
		return err
	}
	if _, err := r.Doc(ctx, drainKind, doc); err != nil {
		return err
	}
	if err := r.ChangeDocs(ctx, c, "config.change", "drain/"+doc, DocChange{Kind: drainKind, Name: doc}); err != nil {
		return err
	}
	r.reloadFleet(ctx)
	return nil
}

// readDrains reads all drains, by the name of their document.
func (r *Runner) readDrains(ctx context.Context) (map[string]Drain, error) {
	out := make(map[string]Drain)
	for after := ""; ; {
		docs, next, err := r.Docs(ctx, drainKind, after, 0)
		if err != nil {
			return nil, fmt.Errorf("read the drains: %w", err)
		}
		for _, d := range docs {
			var drain Drain
			if err := json.Unmarshal(d.Value, &drain); err != nil { // the name says it all
				drain.Of, drain.Name, _ = strings.Cut(d.Name, ":")
			}
			out[d.Name] = drain
		}
		if after = next; after == "" {
			return out, nil
		}
	}
}
