package runner

import (
	"context"
	"fmt"
	"strings"

	"cordum.dev/cordum/store"
)

// family is a share of the documents that is put in force together. Each has a revision: a record beside the documents, which the
// commit of every change replaces.
type family uint8

const (
	familyHolds       family = iota
	familyPolicy             // what is published, and what is evaluated beside it
	familyRegistered         // schemas, topics, credentials of workers
	familyFleet              // documents over pools.yaml and timeouts.yaml, drains
	familyDefinitions        // which version of a workflow is its newest
	familyLegal              // legal holds
	families          = iota
)

// familyNames are the names of their revisions.
var familyNames = [families]string{"holds", "policy", "registered", "fleet", "definitions", "legal"}

func (f family) String() string { return familyNames[f] }

// familySet are families of which a change is, a bit for each.
type familySet uint8

func (s familySet) has(f family) bool { return s&(1<<f) != 0 }

func setOf(f family) familySet { return 1 << f }

// firm tells whether who changes something of the family hears nothing before every process goes by it, however long one of them
// is silent: what was stopped must not happen any more.
func (f family) firm() bool { return f == familyHolds || f == familyPolicy || f == familyLegal }

// familiesOf are the families of which a change of documents is.
func familiesOf(changes []DocChange) (s familySet) {
	for i := range changes {
		switch kind := changes[i].Kind; {
		case kind == holdKind:
			s |= setOf(familyHolds)
		case strings.HasPrefix(kind, policyKinds):
			s |= setOf(familyPolicy)
		case kind == schemaKind, kind == topicKind, kind == credentialKind:
			s |= setOf(familyRegistered)
		case kind == configKind, kind == drainKind:
			s |= setOf(familyFleet)
		case kind == legalKind:
			s |= setOf(familyLegal)
		}
	}
	return s
}

// policyKinds begin the kinds of the policy store's documents.
const policyKinds = "policy."

// revisionKind is the kind of the documents that are families' revisions.
const revisionKind = "revision"

// revision names a state of the documents. A later one is greater, as text, also after the store was put back: it begins with the
// era of the documents' partition, in which the commits of one owner are counted. "" is before the first.
type revision = string

// next is the revision of a commit in an era.
func (a *agreement) next(era uint64) revision {
	return fmt.Sprintf("%016x-%016x", era, a.count.Add(1))
}

// revise adds the revisions of what a write changes to it, and has the others told when it is durable. It is called by the lane
// of the documents, in whose next commit the write is. The answer is "" when nobody else has to know.
func (a *agreement) revise(w *docWrite, s familySet) revision {
	if a == nil || s == 0 {
		return ""
	}
	rev := a.next(a.r.era(docPartition))
	for f := range family(families) {
		if s.has(f) {
			w.puts = append(w.puts, store.Put{Key: docKey(revisionKind, f.String()), Value: []byte(rev)})
		}
	}
	done := w.done
	w.done = func(err error) {
		if err == nil {
			a.learn(rev)
		}
		if done != nil {
			done(err)
		}
	}
	return rev
}

// revisions reads what the documents are at.
func (r *Runner) revisions(ctx context.Context) (all [families]revision, err error) {
	docs, _, err := r.Docs(ctx, revisionKind, "", 0)
	if err != nil {
		return all, err
	}
	for _, d := range docs {
		for f, name := range familyNames {
			if name == d.Name {
				all[f] = revision(d.Value)
			}
		}
	}
	return all, nil
}
