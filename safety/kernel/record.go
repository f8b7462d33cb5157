package kernel

import (
	"encoding/json"
	"fmt"
	"time"

	"cordum.dev/cordum/safety"
)

// Kinds of documents. The name of a bundle's is its own, with "~" for "/"; of a version its number with zeros in front; of a
// snapshot its digest; those of which there is one are named onlyName.
const (
	kindDraft     = "policy.bundle"    // Draft
	kindPublished = "policy.published" // Version
	kindTexts     = "policy.texts"     // texts, of a version
	kindSnapshot  = "policy.snapshot"  // the canonical form itself: its SHA-256 is the name
	kindActive    = "policy.active"    // active
	kindShadow    = "policy.shadow"    // Shadow
	onlyName      = "current"
)

// Where a text comes from.
const (
	FromFile = "file"
	FromAPI  = "api"

	fromEnvironment = "environment" // only a default
)

// Text is one source of a snapshot as it was written: a bundle, or the base file.
type Text struct {
	Name    string `json:"name"` // of the bundle; of the file: its path or address
	From    string `json:"from"` // FromFile, FromAPI
	Overlay bool   `json:"overlay,omitempty"`
	// Version is what a signed bundle says of itself, and what may never become less; 0: unsigned, or none said.
	Version   int64     `json:"version,omitempty"`
	Text      string    `json:"text"` // the signed bytes
	Signature string    `json:"signature,omitempty"`
	SignedBy  string    `json:"signed_by,omitempty"` // id of the key that verified it
	By        string    `json:"by,omitempty"`
	At        time.Time `json:"at"`

	marks map[string]mark // of its bundles, by name, when it is signed and was compiled
}

// Version is one entry of the history: what became active, when, by whom and why.
type Version struct {
	Version    int64     `json:"version"`
	Digest     string    `json:"digest"`       // of the snapshot
	Act        string    `json:"act"`          // ActPublish or ActRollback
	Of         int64     `json:"of,omitempty"` // the version a rollback went back to
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	Reason     string    `json:"reason,omitempty"`
	BreakGlass bool      `json:"break_glass,omitempty"`
	// Default holds where no rule does. DefaultFrom says who said so: "file", or "environment".
	Default     string   `json:"default"`
	DefaultFrom string   `json:"default_from"`
	Rules       int      `json:"rules"`
	Parts       []Part   `json:"parts"`
	Warnings    []string `json:"warnings,omitempty"`
}

// Part is one source of a version, without its text.
type Part struct {
	Name     string `json:"name"`
	From     string `json:"from"`
	Overlay  bool   `json:"overlay,omitempty"`
	Version  int64  `json:"version,omitempty"`
	SHA256   string `json:"sha256"` // of the text
	SignedBy string `json:"signed_by,omitempty"`
}

func (t *Text) part() Part {
	return Part{
		Name: t.Name, From: t.From, Overlay: t.Overlay, Version: t.Version, SHA256: t.SHA256(), SignedBy: t.SignedBy,
	}
}

// texts are the sources of a version.
type texts struct {
	Texts []Text `json:"texts"`
}

// active says which version is in force. It is the one document that every change of policy replaces, by its ETag.
type active struct {
	Version int64  `json:"version"`
	Digest  string `json:"digest"`
	// Seen is what of the base file was taken last, also when a rollback has gone back behind it since.
	Seen string `json:"seen,omitempty"`
	// Before are what was seen of bases before that, the newest last, at most maxBefore.
	Before []string `json:"before,omitempty"`
	// Marks are, by name, the highest versions of signed bundles that were ever published.
	Marks map[string]mark `json:"marks,omitempty"`
}

// mark is how far a signed bundle has come.
type mark struct {
	Version int64  `json:"version"`
	SHA256  string `json:"sha256"` // of the bundle's canonical JSON
}

// state is what one look at the documents gave. It is immutable: a change makes another one.
type state struct {
	active  active
	etag    string // of the active document; "" before anything was published
	version Version
	texts   []Text
	// snapshot is nil while it is not in force: nothing was published yet, or what was may not be used.
	snapshot *safety.Snapshot
}

func versionName(n int64) string { return fmt.Sprintf("%016d", n) }

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("policy store: encode %T: %v", v, err)) // only plain values are encoded
	}
	return raw
}

// decode reads a document. One that cannot be read is reported with its name.
func decode(d Doc, into any) error {
	if err := json.Unmarshal(d.Value, into); err != nil {
		return fmt.Errorf("document %s %s cannot be read: %w", d.Kind, d.Name, err)
	}
	return nil
}

// SHA256 is the digest of the text, in hex.
func (t *Text) SHA256() string { return digestOf([]byte(t.Text)) }
