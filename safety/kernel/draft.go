package kernel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// Draft is a bundle as somebody wrote it. It is in force only after a publish.
type Draft struct {
	Text
	ETag     string           // changes with every change of the draft
	Warnings []safety.Problem // of the bundle by itself; only when it was just put
}

// The states of a bundle.
const (
	StateDraft     = "draft"     // never published under this name, or not any more
	StateChanged   = "changed"   // another text than the one in force
	StatePublished = "published" // in force as it is
	StateDeleted   = "deleted"   // in force, with no draft: the next publish of all ends it
)

// Bundle is what is known of one name: its draft, what is in force of it, or both.
type Bundle struct {
	Name  string
	State string
	Draft *Draft // nil: deleted
	Text  *Text  // in force; nil: none
}

// Put is a bundle to be drafted.
type Put struct {
	// Name is what the bundle must be called; "" takes whatever name it has.
	Name      string
	Text      []byte // JSON or YAML, as it was signed
	Signature string // base64 or hex over Text
	Overlay   bool   // only tightens
	// IfMatch is the ETag that is replaced; "": there must be none yet; nil: whatever is there.
	IfMatch *string
}

// PutDraft writes a draft. It is ErrName, ErrTooLarge, a *RefusedError, ErrSignatureRequired, ErrBadSignature,
// ErrVersionRollback or ErrPrecondition when it cannot be; nothing changed then. isNew tells whether there was none.
func (k *Kernel) PutDraft(ctx context.Context, who Who, put Put) (draft Draft, isNew bool, err error) {
	draft, err = k.readDraft(who, put)
	if err != nil {
		return Draft{}, false, err
	}
	before, err := k.draft(ctx, draft.Name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Draft{}, false, err
	}
	if isNew = err != nil; isNew {
		if err := k.roomForDraft(ctx); err != nil {
			return Draft{}, false, err
		}
	}
	match := put.IfMatch
	if match == nil { // what was looked at is what is replaced
		match = &before.ETag
	} else if *match != before.ETag {
		return Draft{}, false, fmt.Errorf("%w: %s", ErrPrecondition, draft.Name)
	}
	value := encode(draft.Text)
	draft.ETag = digestOf(value)
	err = k.cfg.Documents.ChangeDocs(ctx, who, ActDraft, draft.Name, Change{Kind: kindDraft, Name: docName(draft.Name), Value: value, IfMatch: match})
	if errors.Is(err, ErrConflict) && put.IfMatch != nil {
		err = fmt.Errorf("%w: %s", ErrPrecondition, draft.Name)
	}
	return draft, isNew, err
}

// readDraft checks a bundle by itself.
func (k *Kernel) readDraft(who Who, put Put) (Draft, error) {
	if len(put.Text) > k.cfg.MaxBytes {
		return Draft{}, fmt.Errorf("%w: a bundle may have %d bytes", ErrTooLarge, k.cfg.MaxBytes)
	}
	root, err := parse(put.Name, put.Text)
	if err != nil {
		return Draft{}, err
	}
	name, err := nameOf(root, put.Name)
	if err != nil {
		return Draft{}, err
	}
	d := Draft{Text: Text{
		Name: name, From: FromAPI, Overlay: put.Overlay, Text: string(put.Text), Signature: put.Signature, By: who.Actor, At: time.Now().UTC(),
	}}
	if err := k.cfg.verify(&d.Text); err != nil {
		return Draft{}, err
	}
	alone := []Text{d.Text}
	c, err := k.compile(alone, k.cfg.Default)
	if err != nil {
		return Draft{}, err
	}
	if err := k.state.Load().active.newer(&alone[0]); err != nil {
		return Draft{}, err
	}
	d.Text, d.Warnings = alone[0], c.warnings
	return d, nil
}

// nameOf is what a bundle calls itself, which must be what it was asked to be called.
func nameOf(root *yamlx.Node, asked string) (string, error) {
	n := root.Get("name")
	if n == nil || n.Kind != yamlx.String || len(n.Str) > safety.MaxName || strings.ContainsFunc(n.Str, hidden) {
		return asked, nil // refused when it is compiled
	}
	if asked != "" && asked != n.Str {
		return "", fmt.Errorf("%w: the bundle calls itself %s", ErrName, yamlx.Clip(n.Str))
	}
	return n.Str, nil
}

// hidden tells whether a character would do something where it is printed.
func hidden(r rune) bool { return !unicode.IsGraphic(r) }

func (k *Kernel) roomForDraft(ctx context.Context) error {
	n := 0
	err := k.eachDoc(ctx, kindDraft, func(Doc) error { n++; return nil })
	if err == nil && n >= MaxDrafts {
		err = fmt.Errorf("%w: there are %d drafts already", ErrTooLarge, n)
	}
	return err
}

// DeleteDraft deletes a draft. What is in force of it stays until the next publish. ErrNotFound, ErrPrecondition.
func (k *Kernel) DeleteDraft(ctx context.Context, who Who, name string, ifMatch *string) error {
	before, err := k.draft(ctx, name)
	if err != nil {
		return err
	}
	if ifMatch != nil && *ifMatch != before.ETag {
		return fmt.Errorf("%w: %s", ErrPrecondition, name)
	}
	return k.cfg.Documents.ChangeDocs(ctx, who, ActDraft, name, Change{Kind: kindDraft, Name: docName(name), IfMatch: &before.ETag})
}

// Bundle is what is known of one name. ErrNotFound when nothing is.
func (k *Kernel) Bundle(ctx context.Context, name string) (Bundle, error) {
	d, err := k.draft(ctx, name)
	draft := &d
	if errors.Is(err, ErrNotFound) {
		draft, err = nil, nil
	}
	if err != nil {
		return Bundle{}, err
	}
	b := bundleOf(name, draft, k.state.Load().text(name))
	if b.Draft == nil && b.Text == nil {
		return Bundle{}, fmt.Errorf("bundle %.64q: %w", name, ErrNotFound)
	}
	return b, nil
}

// Bundles are all bundles by name, those of the file aside.
func (k *Kernel) Bundles(ctx context.Context) ([]Bundle, error) {
	drafts, err := k.drafts(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]*Draft{}
	for i := range drafts {
		known[drafts[i].Name] = &drafts[i]
	}
	st := k.state.Load()
	for i := range st.texts {
		if t := &st.texts[i]; t.From == FromAPI && known[t.Name] == nil {
			known[t.Name] = nil
		}
	}
	var out []Bundle
	for _, name := range yamlx.SortedKeys(known) {
		out = append(out, bundleOf(name, known[name], st.text(name)))
	}
	return out, nil
}

func bundleOf(name string, draft *Draft, text *Text) Bundle {
	b := Bundle{Name: name, Draft: draft, Text: text, State: StateChanged}
	switch {
	case text == nil:
		b.State = StateDraft
	case draft == nil:
		b.State = StateDeleted
	case draft.same(text):
		b.State = StatePublished
	}
	return b
}

// same tells whether two texts are one, signature and side included.
func (t *Text) same(other *Text) bool {
	return t.Text == other.Text && t.Signature == other.Signature && t.Overlay == other.Overlay
}

// text is what is in force of a bundle; nil when it is not of it.
func (st *state) text(name string) *Text {
	for i := range st.texts {
		if st.texts[i].From == FromAPI && st.texts[i].Name == name {
			return &st.texts[i]
		}
	}
	return nil
}

func (k *Kernel) draft(ctx context.Context, name string) (Draft, error) {
	doc, err := k.cfg.Documents.Doc(ctx, kindDraft, docName(name))
	if err != nil {
		return Draft{}, err
	}
	d := Draft{ETag: doc.ETag}
	return d, decode(doc, &d.Text)
}

// drafts are all drafts by name.
func (k *Kernel) drafts(ctx context.Context) ([]Draft, error) {
	var out []Draft
	err := k.eachDoc(ctx, kindDraft, func(doc Doc) error {
		d := Draft{ETag: doc.ETag}
		if err := decode(doc, &d.Text); err != nil {
			return err
		}
		out = append(out, d)
		return nil
	})
	return out, err
}

// eachDoc visits the documents of a kind by name.
func (k *Kernel) eachDoc(ctx context.Context, kind string, visit func(Doc) error) error {
	for after := ""; ; {
		docs, next, err := k.cfg.Documents.Docs(ctx, kind, after, docsPage)
		if err != nil {
			return err
		}
		for _, d := range docs {
			if err := visit(d); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// docName is the name of a bundle as a document's, and as a part of an address: no bundle has "~" in its name.
func docName(bundle string) string { return strings.ReplaceAll(bundle, "/", "~") }

// BundleName reads a name as it stands in an address, with "~" for "/".
func BundleName(part string) string { return strings.ReplaceAll(part, "~", "/") }
