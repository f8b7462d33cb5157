package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// compiled is a snapshot with what is to be recorded of it.
type compiled struct {
	snapshot    *safety.Snapshot
	texts       []Text
	warnings    []safety.Problem
	fallback    safety.Verdict
	defaultFrom string
}

// compile makes a snapshot of sources, of which it notes the versions. Fallback is the default unless the file has one. The
// error is a *RefusedError, or ErrTooLarge.
func (k *Kernel) compile(sources []Text, fallback safety.Verdict) (*compiled, error) {
	out := &compiled{texts: sources, fallback: fallback, defaultFrom: fromEnvironment}
	set := safety.Set{}
	size := 0
	for i := range sources {
		if size += len(sources[i].Text); size > MaxSetBytes {
			return nil, fmt.Errorf("%w: all bundles together have more than %d bytes", ErrTooLarge, MaxSetBytes)
		}
		if err := out.read(&set, &sources[i]); err != nil {
			return nil, err
		}
	}
	set.Default = out.fallback
	snapshot, problems := safety.Compile(set)
	if safety.Refused(problems) || snapshot == nil {
		return nil, &RefusedError{Problems: problems}
	}
	if len(snapshot.Canonical()) > MaxCanonicalBytes {
		return nil, fmt.Errorf("%w: the canonical form has more than %d bytes", ErrTooLarge, MaxCanonicalBytes)
	}
	out.snapshot, out.warnings = snapshot, problems
	return out, nil
}

// read adds one source to the set.
func (c *compiled) read(set *safety.Set, s *Text) error {
	root, err := parse(s.Name, []byte(s.Text))
	if err != nil {
		return err
	}
	one := safety.Set{}
	switch {
	case s.From == FromFile:
		var problems []safety.Problem
		if one, problems = safety.ReadSet(root, s.Name); safety.Refused(problems) {
			return &RefusedError{Problems: problems}
		}
		c.fallback, c.defaultFrom = one.Default, FromFile
	case s.Overlay:
		one.Overlays = []safety.Document{{File: s.Name, Root: root}}
	default:
		one.Base = []safety.Document{{File: s.Name, Root: root}}
	}
	if s.SignedBy != "" {
		if err := s.mark(one); err != nil {
			return err
		}
	}
	set.Base = append(set.Base, one.Base...)
	set.Overlays = append(set.Overlays, one.Overlays...)
	return nil
}

// mark notes the versions of the bundles of a signed source. Without one, an older signed bundle could be put back by
// whoever has kept it.
func (t *Text) mark(set safety.Set) error {
	t.marks = map[string]mark{}
	bundles := slices.Concat(set.Base, set.Overlays)
	if len(bundles) == 0 && set.Default == safety.Allow {
		return refused(safety.RuleMissingField, t.Name, "a signed policy that allows everything needs a bundle with a version")
	}
	for _, d := range bundles {
		name := d.Root.Get("name")
		if name == nil || name.Kind != yamlx.String {
			continue // refused when it is compiled
		}
		version, ok := bundleVersion(d.Root)
		if !ok || version < 1 {
			return refused(safety.RuleMissingField, t.Name, "the signed bundle %s needs a version: a whole number from 1, more with each change", yamlx.Clip(name.Str))
		}
		canonical, err := yamlx.AppendCanonical(nil, d.Root.Value())
		if err != nil {
			return refused(safety.RuleBadValue, t.Name, "the bundle has no canonical form: %v", err)
		}
		t.marks[name.Str] = mark{Version: version, SHA256: digestOf(canonical)}
		t.Version = max(t.Version, version)
	}
	return nil
}

// parse reads the text of a source.
func parse(name string, text []byte) (*yamlx.Node, error) {
	root, err := yamlx.Parse(text, yamlx.Auto)
	if err == nil {
		return root, nil
	}
	p := safety.Problem{Rule: safety.RuleBadValue, File: name, Message: err.Error()}
	var at *yamlx.Error
	if errors.As(err, &at) {
		p.Rule, p.Message, p.Line, p.Col = at.Rule, at.Message, at.Pos.Line, at.Pos.Col
	}
	return nil, &RefusedError{Problems: []safety.Problem{p}}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
