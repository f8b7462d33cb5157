package kernel

import (
	"context"
	"fmt"
	"slices"

	"cordum.dev/cordum/safety"
)

// Candidate is a policy to be looked at before anybody publishes it. The zero value is what is in force.
type Candidate struct {
	// Snapshot is a version's number or the digest of a snapshot of the history.
	Snapshot string
	// Drafts are the names of drafts laid over what is in force; AllDrafts takes what a publish of all would make active.
	Drafts    []string
	AllDrafts bool
	// Bundles are laid over what is in force, each in the place of the bundle of its name. Nothing asks for a signature here.
	Bundles []Put
	// Alone: Bundles are all there is, with the default of the environment.
	Alone bool
}

// Candidate compiles what is to be looked at. The problems are warnings. The errors are ErrNotFound, ErrTooLarge, ErrChoice,
// a *RefusedError, and ErrUnavailable while nothing is in force.
func (k *Kernel) Candidate(ctx context.Context, c Candidate) (*safety.Snapshot, []safety.Problem, error) {
	made, err := k.candidate(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return made.snapshot, made.warnings, nil
}

func (k *Kernel) candidate(ctx context.Context, c Candidate) (*compiled, error) {
	st := k.state.Load()
	kinds := 0
	for _, has := range []bool{c.Snapshot != "", len(c.Drafts) > 0 || c.AllDrafts, len(c.Bundles) > 0} {
		if has {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return nil, ErrChoice
	case c.Snapshot != "":
		return k.ofHistory(ctx, c.Snapshot)
	case len(c.Drafts) > 0 || c.AllDrafts:
		drafts, err := k.drafts(ctx)
		if err != nil {
			return nil, unavailable(err)
		}
		sources, err := merge(st, drafts, c.Drafts)
		if err != nil {
			return nil, err
		}
		return k.compile(sources, k.cfg.Default)
	case len(c.Bundles) > 0:
		return k.ofBundles(st, c)
	case st.snapshot == nil || !k.Ready():
		return nil, fmt.Errorf("%w: no policy is in force", ErrUnavailable)
	}
	return &compiled{snapshot: st.snapshot, texts: st.texts, fallback: defaultOf(st.version.Default), defaultFrom: st.version.DefaultFrom}, nil
}

// ofHistory compiles an older version as it was.
func (k *Kernel) ofHistory(ctx context.Context, ref string) (*compiled, error) {
	v, err := k.Version(ctx, ref)
	if err != nil {
		return nil, err
	}
	sources, err := k.textsOf(ctx, v.Version)
	if err != nil {
		return nil, err
	}
	return k.compile(sources, defaultOf(v.Default))
}

// ofBundles lays bundles over what is in force.
func (k *Kernel) ofBundles(st *state, c Candidate) (*compiled, error) {
	var sources []Text
	for _, put := range c.Bundles {
		t, err := k.unsigned(put)
		if err != nil {
			return nil, err
		}
		sources = append(sources, t)
	}
	if !c.Alone {
		for _, t := range st.texts {
			replaced := slices.ContainsFunc(sources, func(s Text) bool { return s.Name == t.Name })
			if t.From == FromFile || !replaced {
				sources = append(sources, t)
			}
		}
	}
	return k.compile(sources, k.cfg.Default)
}

// unsigned reads a bundle whose signature nobody asks for.
func (k *Kernel) unsigned(put Put) (Text, error) {
	if len(put.Text) > k.cfg.MaxBytes {
		return Text{}, fmt.Errorf("%w: a bundle may have %d bytes", ErrTooLarge, k.cfg.MaxBytes)
	}
	root, err := parse(put.Name, put.Text)
	if err != nil {
		return Text{}, err
	}
	name, err := nameOf(root, put.Name)
	return Text{Name: name, From: FromAPI, Overlay: put.Overlay, Text: string(put.Text)}, err
}
