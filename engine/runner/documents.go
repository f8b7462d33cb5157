package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/store"
)

// Doc is a document of the system partition: what the whole installation agrees on, such as policies, keys and holds.
type Doc struct {
	Kind, Name string
	Value      []byte
	ETag       string // SHA-256 of Value, in hex
}

// DocChange is one document to be written or deleted.
type DocChange struct {
	Kind, Name string
	Value      []byte  // nil deletes
	IfMatch    *string // the ETag that is to be replaced; "": there must be none yet; nil: whatever is there
}

// docTenant owns the documents of the installation: a tenant in them is part of their value.
const docTenant = "system"

// docPrefix separates documents from the lists of definitions in their table.
const docPrefix = "doc/"

func docKey(kind, name string) store.Key {
	return store.Key{Table: store.TableDocIndex, Tenant: docTenant, ID: docPrefix + kind + "/" + name}
}

// ETag is the tag of a document's value.
func ETag(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}

// Doc reads one document, or answers ErrNotFound.
func (r *Runner) Doc(ctx context.Context, kind, name string) (Doc, error) {
	if err := checkDocName(kind, name); err != nil {
		return Doc{}, fmt.Errorf("%s %.64q: %w", kind, name, ErrNotFound)
	}
	rec, err := r.store.Get(ctx, docPartition, docKey(kind, name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Doc{}, fmt.Errorf("%s %.64q: %w", kind, name, ErrNotFound)
	case err != nil:
		return Doc{}, fmt.Errorf("%s %.64q: %w", kind, name, errors.Join(ErrUnavailable, err))
	}
	return Doc{Kind: kind, Name: name, Value: rec.Value, ETag: ETag(rec.Value)}, nil
}

// Docs lists up to limit documents of a kind by name, behind the name after. Next is the last one's name when more are left.
func (r *Runner) Docs(ctx context.Context, kind, after string, limit int) (docs []Doc, next string, err error) {
	if limit < 1 || limit > maxLimit {
		limit = maxLimit
	}
	from := docKey(kind, "").ID
	at := store.Range{Table: store.TableDocIndex, Tenant: docTenant, From: from, To: from[:len(from)-1] + "0", Limit: limit}
	if after != "" {
		at.From = from + after + "\x01"
	}
	page, err := r.store.Scan(ctx, docPartition, at)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", kind, errors.Join(ErrUnavailable, err))
	}
	for _, rec := range page.Records {
		docs = append(docs, Doc{Kind: kind, Name: strings.TrimPrefix(rec.Key.ID, from), Value: rec.Value, ETag: ETag(rec.Value)})
	}
	if page.Next != nil && len(docs) > 0 {
		next = docs[len(docs)-1].Name
	}
	return docs, next, nil
}

// ChangeDocs makes all changes or none, in one commit with the audit record of the act. It is ErrConflict when an IfMatch
// did not hold, and ErrMoved where another process owns the documents; nothing changed then. Where there are others, it answers
// when they go by the change, or nobody can go by what was before any more: see agree.go. An error of the waiting alone matches
// ErrUnavailable: the change is made.
func (r *Runner) ChangeDocs(ctx context.Context, c Caller, act, subject string, changes ...DocChange) error {
	for _, change := range changes {
		if err := checkDocName(change.Kind, change.Name); err != nil {
			return err
		}
		if len(change.Value) > maxDoc {
			return &InvalidError{Code: "too_large", Message: fmt.Sprintf("%s %.64q has more than %d bytes", change.Kind, change.Name, maxDoc)}
		}
	}
	answer := newPromise[revision]()
	touches := familiesOf(changes)
	l := r.lanes[int(docPartition)%len(r.lanes)]
	err := l.inbox.offer(task{part: on(docPartition), fail: answer.fail, do: func(t *turn) {
		if err := t.lane.matches(ctx, changes); err != nil {
			answer.fail(err)
			return
		}
		w := docWrite{part: docPartition, acts: []docAct{{caller: c, name: act, subject: subject}}}
		for _, change := range changes {
			key := docKey(change.Kind, change.Name)
			if change.Value == nil {
				w.deletes = append(w.deletes, key)
			} else {
				w.puts = append(w.puts, store.Put{Key: key, Value: change.Value})
			}
		}
		var rev revision
		w.done = func(err error) { answer.put(answerOf[revision]{rev, err}) }
		rev = r.agreed.revise(&w, touches)
		t.lane.docs = append(t.lane.docs, w)
	}})
	if err != nil {
		return fmt.Errorf("change documents: %w", err)
	}
	rev, err := answer.wait(ctx)
	if err != nil {
		return err
	}
	return r.settleDocs(ctx, touches, rev)
}

// docAct is what a change of documents is in the audit log.
type docAct struct {
	caller  Caller
	name    string
	subject string // what it was done to
}

// matches checks every condition of changes against the documents as this batch leaves them.
func (l *lane) matches(ctx context.Context, changes []DocChange) error {
	for _, change := range changes {
		if change.IfMatch == nil {
			continue
		}
		etag, err := l.etag(ctx, docKey(change.Kind, change.Name))
		if err != nil {
			return err
		}
		if etag != *change.IfMatch {
			return fmt.Errorf("%s %.64q has changed: %w", change.Kind, change.Name, ErrConflict)
		}
	}
	return nil
}

// etag is a document's tag as this batch leaves it; "" when there is none.
func (l *lane) etag(ctx context.Context, key store.Key) (string, error) {
	for i := len(l.docs) - 1; i >= 0; i-- {
		for _, gone := range l.docs[i].deletes {
			if gone == key {
				return "", nil
			}
		}
		for _, put := range l.docs[i].puts {
			if put.Key == key {
				return ETag(put.Value), nil
			}
		}
	}
	rec, err := l.r.store.Get(context.WithoutCancel(ctx), docPartition, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read a document: %w", errors.Join(ErrUnavailable, err))
	}
	return ETag(rec.Value), nil
}

// checkDocName keeps strangers' names out of keys they could not name.
func checkDocName(kind, name string) error {
	if kind == "" || name == "" || len(name) > maxDocName || strings.ContainsAny(kind, "/\x00\x01") || strings.ContainsAny(name, "/\x00\x01") {
		return &InvalidError{Code: "invalid_name", Message: fmt.Sprintf("a name has 1 to %d bytes and no '/'", maxDocName)}
	}
	return nil
}
