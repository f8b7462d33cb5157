package kernel

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/safety"
)

func TestDraftIsNotInForceBeforeItIsPublished(t *testing.T) {
	w := newWorld(t, nil)
	w.want("job.a", "DENY")
	d := w.put(bundle("acme", "job.a", "ALLOW"))
	w.want("job.a", "DENY")
	p := w.publish()
	w.want("job.a", "ALLOW")
	if p.Version.Version != 2 || p.Version.Digest != w.Snapshot().Digest() || p.Version.By != "user:ann" || p.Version.Rules != 1 {
		t.Errorf("published %+v", p.Version)
	}
	if len(p.Version.Parts) != 1 || p.Version.Parts[0].SHA256 != digestOf([]byte(d.Text.Text)) {
		t.Errorf("parts %+v", p.Version.Parts)
	}
	canonical, err := w.Canonical(ctx, p.Version.Digest)
	if err != nil || digestOf(canonical) != p.Version.Digest {
		t.Errorf("canonical form %s, %v", canonical, err)
	}
	if again := w.publish(); !again.Unchanged || again.Version.Version != 2 {
		t.Errorf("a publish of nothing new made version %d", again.Version.Version)
	}
}

func TestPublishOfNamesAndOfAll(t *testing.T) {
	w := newWorld(t, nil)
	w.put(bundle("a", "job.a", "ALLOW"))
	w.put(bundle("b/c", "job.b", "ALLOW"))
	w.publish("b/c")
	w.want("job.a", "DENY")
	w.want("job.b", "ALLOW")
	w.publish()
	w.want("job.a", "ALLOW")
	if err := w.DeleteDraft(ctx, admin, "b/c", nil); err != nil {
		t.Fatal(err)
	}
	w.want("job.b", "ALLOW")
	states := func() (out []string) {
		all, err := w.Bundles(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range all {
			out = append(out, b.Name+" "+b.State)
		}
		return out
	}
	w.put(bundle("a", "job.a2", "ALLOW"))
	w.put(bundle("d", "job.d", "ALLOW"))
	if got := states(); !slices.Equal(got, []string{"a changed", "b/c deleted", "d draft"}) {
		t.Errorf("states %v", got)
	}
	w.publish("b/c")
	w.want("job.b", "DENY")
	w.want("job.a", "ALLOW")
	w.publish()
	if got := states(); !slices.Equal(got, []string{"a published", "d published"}) {
		t.Errorf("states %v", got)
	}
	_, err := w.Publish(ctx, admin, Publish{Bundles: []string{"none"}})
	wantErr(t, err, ErrNotFound)
}

func TestDraftsHaveETags(t *testing.T) {
	w := newWorld(t, nil)
	text := []byte(bundle("a", "job.a", "ALLOW"))
	first, isNew, err := w.PutDraft(ctx, admin, Put{Text: text, IfMatch: ptr("")})
	if err != nil || !isNew {
		t.Fatal(isNew, err)
	}
	_, _, err = w.PutDraft(ctx, admin, Put{Text: text, IfMatch: ptr("")})
	wantErr(t, err, ErrPrecondition)
	second, isNew, err := w.PutDraft(ctx, admin, Put{Text: []byte(bundle("a", "job.b", "ALLOW")), IfMatch: &first.ETag})
	if err != nil || isNew || second.ETag == first.ETag {
		t.Fatal(isNew, err)
	}
	_, _, err = w.PutDraft(ctx, admin, Put{Text: text, IfMatch: &first.ETag})
	wantErr(t, err, ErrPrecondition)
	wantErr(t, w.DeleteDraft(ctx, admin, "a", &first.ETag), ErrPrecondition)
	if b, err := w.Bundle(ctx, "a"); err != nil || b.Draft.ETag != second.ETag || b.State != StateDraft {
		t.Errorf("bundle %+v, %v", b, err)
	}
	if err := w.DeleteDraft(ctx, admin, "a", &second.ETag); err != nil {
		t.Error(err)
	}
	_, err = w.Bundle(ctx, "a")
	wantErr(t, err, ErrNotFound)
	_, _, err = w.PutDraft(ctx, admin, Put{Name: "b", Text: text})
	wantErr(t, err, ErrName)
}

func TestWhatIsNoBundleIsNotDrafted(t *testing.T) {
	w := newWorld(t, nil)
	for name, text := range map[string]string{
		"unknown decision":  bundle("a", "job.a", "FORBID"),
		"misspelt key":      "name: a\nrules:\n  - {id: r, match: {topic: [x]}, decision: DENY}\n",
		"empty match":       "name: a\nrules:\n  - {id: r, match: {}, decision: DENY}\n",
		"duplicate id":      "name: a\nrules:\n  - {id: r, match: {topics: [x]}, decision: DENY}\n  - {id: r, match: {topics: [y]}, decision: DENY}\n",
		"a negative limit":  "name: a\nrules:\n  - {id: r, match: {topics: [x]}, decision: ALLOW, constraints: [{type: MaxTimeout, value: -1}]}\n",
		"no name":           "rules: []\n",
		"a name as a path":  bundle("../../etc", "x", "DENY"),
		"half of a file":    "name: a\nrules:\n  - {id: r, match: {topics: [x",
		"nothing":           "",
		"a list":            "- 1\n",
		"a default":         "name: a\ndefault: ALLOW\nrules: []\n",
		"a negative number": "name: a\nversion: -3\nrules: 7\n",
	} {
		_, _, err := w.PutDraft(ctx, admin, Put{Text: []byte(text)})
		var refused *RefusedError
		if !errors.As(err, &refused) || len(refused.Problems) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.cfg.MaxBytes = 64
	_, _, err := w.PutDraft(ctx, admin, Put{Text: []byte(bundle("a", strings.Repeat("x", 64), "DENY"))})
	wantErr(t, err, ErrTooLarge)
	if all, err := w.Bundles(ctx); err != nil || len(all) != 0 {
		t.Errorf("%d bundles were kept, %v", len(all), err)
	}
}

func TestRollback(t *testing.T) {
	w := newWorld(t, nil)
	w.put(bundle("a", "job.a", "ALLOW"))
	two := w.publish()
	w.put(bundle("a", "job.a", "DENY"))
	w.publish()
	w.want("job.a", "DENY")
	for to, of := range map[string]int64{"2": 2, two.Version.Digest: 0} { // a digest is the newest version that has it
		p, err := w.Rollback(ctx, admin, Rollback{To: to, Reason: "it was too strict"})
		if err != nil || (of != 0 && p.Version.Of != of) || p.Version.Act != ActRollback || p.Version.Digest != two.Version.Digest || p.Version.Reason == "" {
			t.Fatalf("%+v, %v", p, err)
		}
		w.want("job.a", "ALLOW")
		w.publish() // the draft is as it was
		w.want("job.a", "DENY")
	}
	list, next, err := w.Versions(ctx, 0, 3)
	if err != nil || len(list) != 3 || list[0].Version != 7 || next != 5 {
		t.Errorf("%d versions, next %d, %v", len(list), next, err)
	}
	if list, next, err = w.Versions(ctx, next, 10); err != nil || len(list) != 4 || next != 0 {
		t.Errorf("%d versions, next %d, %v", len(list), next, err)
	}
	for _, to := range []string{"99", "0", "-1", strings.Repeat("0", 64), "", "2 "} {
		_, err := w.Rollback(ctx, admin, Rollback{To: to})
		wantErr(t, err, ErrNotFound)
	}
}

// signed is a store that takes signed bundles only, and who signs them.
func signed(t *testing.T) (w *world, sign func(text string) Put) {
	key, public := p256Key(t)
	w = newWorld(t, func(c *Config) { c.Keys, c.SignatureRequired = mustKeys(t, public), true })
	return w, func(text string) Put {
		return Put{Text: []byte(text), Signature: base64.StdEncoding.EncodeToString(sign256(t, key, []byte(text)).der(t))}
	}
}

func versioned(n int, topic, decision string) string {
	return fmt.Sprintf("version: %d\n", n) + bundle("acme", topic, decision)
}

func TestSignaturesAreRequired(t *testing.T) {
	w, sign := signed(t)
	before := w.Snapshot()
	_, _, err := w.PutDraft(ctx, admin, Put{Text: []byte(versioned(1, "job.a", "ALLOW"))})
	wantErr(t, err, ErrSignatureRequired)
	other := sign(versioned(1, "job.a", "ALLOW"))
	other.Text = []byte(versioned(1, "job.*", "ALLOW"))
	_, _, err = w.PutDraft(ctx, admin, other)
	wantErr(t, err, ErrBadSignature)
	_, _, err = w.PutDraft(ctx, admin, sign(bundle("acme", "job.a", "ALLOW")))
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Problems[0].Rule != safety.RuleMissingField {
		t.Errorf("a signed bundle without a version: %v", err)
	}
	// A draft that was written before signatures were needed is not published either.
	value := encode(Text{Name: "old", From: FromAPI, Text: bundle("old", "job.*", "ALLOW")})
	if err := w.docs.ChangeDocs(ctx, admin, "", "", Change{Kind: kindDraft, Name: "old", Value: value}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Publish(ctx, admin, Publish{})
	wantErr(t, err, ErrSignatureRequired)
	if w.Snapshot() != before {
		t.Error("the snapshot changed")
	}
	if err := w.DeleteDraft(ctx, admin, "old", nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.PutDraft(ctx, admin, sign(versioned(1, "job.a", "ALLOW"))); err != nil {
		t.Fatal(err)
	}
	p := w.publish()
	if w.want("job.a", "ALLOW"); p.Version.Parts[0].SignedBy != w.cfg.Keys[0].ID || p.Version.Parts[0].Version != 1 {
		t.Errorf("parts %+v", p.Version.Parts)
	}
}

func TestAnOlderSignedVersionIsNotTaken(t *testing.T) {
	w, sign := signed(t)
	one, two := sign(versioned(1, "job.a", "ALLOW")), sign(versioned(2, "job.a", "DENY"))
	for _, put := range []Put{one, two} {
		if _, _, err := w.PutDraft(ctx, admin, put); err != nil {
			t.Fatal(err)
		}
		w.publish()
	}
	_, _, err := w.PutDraft(ctx, admin, one)
	wantErr(t, err, ErrVersionRollback)
	_, _, err = w.PutDraft(ctx, admin, sign(versioned(2, "job.*", "ALLOW")))
	wantErr(t, err, ErrVersionRollback)
	// Nor as a draft that was there before.
	value := encode(Text{Name: "acme", From: FromAPI, Text: string(one.Text), Signature: one.Signature})
	if err := w.docs.ChangeDocs(ctx, admin, "", "", Change{Kind: kindDraft, Name: "acme", Value: value}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Publish(ctx, admin, Publish{})
	wantErr(t, err, ErrVersionRollback)
	w.want("job.a", "DENY")
	if _, err := w.Rollback(ctx, admin, Rollback{To: "2"}); err != nil {
		t.Fatal(err)
	}
	w.want("job.a", "ALLOW")
	// What a rollback has put in force stays when something else is published, and does not lower the bar.
	if err := w.DeleteDraft(ctx, admin, "acme", nil); err != nil {
		t.Fatal(err)
	}
	extra := sign("version: 1\n" + bundle("extra", "job.b", "ALLOW"))
	if _, _, err := w.PutDraft(ctx, admin, extra); err != nil {
		t.Fatal(err)
	}
	w.publish("extra")
	w.want("job.a", "ALLOW")
	w.want("job.b", "ALLOW")
	_, _, err = w.PutDraft(ctx, admin, sign(versioned(1, "job.c", "ALLOW")))
	wantErr(t, err, ErrVersionRollback)
	if _, _, err := w.PutDraft(ctx, admin, sign(versioned(3, "job.c", "ALLOW"))); err != nil {
		t.Error(err)
	}
}

func TestThePolicyMayForbidItsOwnChange(t *testing.T) {
	w := newWorld(t, nil)
	w.put("name: lock\nrules:\n  - {id: freeze, match: {tools: [\"policy.*\"]}, decision: DENY}\n")
	_, err := w.Publish(ctx, admin, Publish{})
	wantErr(t, err, ErrUnapprovable)
	_, err = w.Publish(ctx, admin, Publish{BreakGlass: true})
	wantErr(t, err, ErrReason)
	if _, err := w.Publish(ctx, admin, Publish{BreakGlass: true, Reason: "freeze for the audit"}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Rollback(ctx, admin, Rollback{To: "1", Reason: "please"})
	wantErr(t, err, ErrDenied)
	w.put(bundle("more", "job.a", "ALLOW"))
	_, err = w.Publish(ctx, admin, Publish{Reason: "please"})
	wantErr(t, err, ErrDenied)
	p, err := w.Rollback(ctx, admin, Rollback{To: "1", BreakGlass: true, Reason: "the audit is over"})
	if err != nil || !p.Version.BreakGlass {
		t.Fatalf("%+v, %v", p, err)
	}
	acts := w.docs.Acts()
	last := acts[len(acts)-1]
	if last.Act != ActBreakGlass || last.Who.Reason != "the audit is over" || last.Who.Actor != "user:ann" {
		t.Errorf("the last act is %+v", last)
	}
}

// Rules about all jobs say nothing of changes of the policy: a freeze can be lifted.
func TestRulesAboutEverythingDoNotForbidTheirEnd(t *testing.T) {
	for name, match := range map[string]string{
		"tenants": `tenants: ["*"]`, "people": `principals: ["*"]`, "a condition": `when: "input.n > 1"`, "roles": "roles: [admin]",
	} {
		w := newWorld(t, func(c *Config) { c.Default = safety.Allow })
		w.put("name: freeze\nrules:\n  - {id: all, match: {" + match + "}, decision: DENY}\n")
		w.publish()
		if _, err := w.Rollback(ctx, admin, Rollback{To: "1"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, rule := range map[string]string{
		"every tool":           `match: {tools: ["*"]}, decision: DENY`,
		"an approval":          `match: {tool: policy.rollback}, decision: REQUIRE_APPROVAL`,
		"what cannot be known": `match: {tool: policy.rollback, when: "input.n > 1"}, decision: ALLOW`,
		"one person":           `match: {tool: policy.rollback, principals: ["user:ann"]}, decision: DENY`,
	} {
		w := newWorld(t, nil)
		w.put("name: a\nrules:\n  - {id: r, " + rule + "}\n")
		_, err := w.Publish(ctx, admin, Publish{})
		if !errors.Is(err, ErrUnapprovable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing is published before what the server was started with is in force.
func TestNothingIsPublishedBeforeTheStart(t *testing.T) {
	path := policyFile(t, allowFile)
	w := openWorld(t, NewMemory(), func(c *Config) { c.Base = File{Path: path} })
	w.put(bundle("a", "job.a", "DENY"))
	_, err := w.Publish(ctx, admin, Publish{})
	wantErr(t, err, ErrUnavailable)
	w.look(ctx)
	w.publish()
	write(t, path, denyFile)
	again := openWorld(t, w.docs, func(c *Config) { c.Base = File{Path: path} })
	_, err = again.Rollback(ctx, admin, Rollback{To: "1"})
	wantErr(t, err, ErrUnavailable)
	again.look(ctx)
	again.want("job.x", "DENY")
}

func TestWhatNobodyCouldApproveIsNotPublished(t *testing.T) {
	w := newWorld(t, nil)
	d := w.put("name: ask\nrules:\n  - {id: two, match: {topics: [job.a]}, decision: REQUIRE_APPROVAL, approval: {approvers: [\"user:a\"], quorum: 2}}\n")
	if len(d.Warnings) != 1 || d.Warnings[0].Rule != safety.RuleUnapprovable {
		t.Errorf("warnings %v", d.Warnings)
	}
	_, err := w.Publish(ctx, admin, Publish{})
	wantErr(t, err, ErrUnapprovable)
	if _, err := w.Publish(ctx, admin, Publish{BreakGlass: true, Reason: "a trap on purpose"}); err != nil {
		t.Error(err)
	}
}

// A commit whose answer was lost is in force if it was made, and not if it was not.
func TestPublishWithoutAnAnswer(t *testing.T) {
	docs := &flaky{Memory: NewMemory()}
	w := newWorld(t, func(c *Config) { c.Documents = docs })
	w.put(bundle("a", "job.a", "ALLOW"))
	gone := errors.New("the connection is gone")
	docs.fail(nil, gone, false)
	_, err := w.Publish(ctx, admin, Publish{})
	wantErr(t, err, ErrUnavailable)
	w.want("job.a", "DENY")
	docs.fail(nil, gone, true)
	if _, err := w.Publish(ctx, admin, Publish{}); err != nil {
		t.Error(err)
	}
	w.want("job.a", "ALLOW")
	docs.fail(nil, nil, false)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	<-w.turn
	_, err = w.Publish(cancelled, admin, Publish{})
	wantErr(t, err, context.Canceled)
	w.end()
}

func TestTwoStoresPublishAtOnce(t *testing.T) {
	one := newWorld(t, nil)
	two := openWorld(t, one.docs, nil)
	two.look(ctx)
	one.put(bundle("a", "job.a", "ALLOW"))
	// Two has read the state before one changes it.
	if err := two.begin(ctx); err != nil {
		t.Fatal(err)
	}
	next, err := two.toPublish(ctx, two.Kernel.state.Load(), nil)
	if err != nil {
		t.Fatal(err)
	}
	one.publish()
	_, err = two.change(ctx, admin, change{act: ActPublish, next: next})
	two.end()
	wantErr(t, err, ErrConflict)
	two.want("job.a", "DENY")
	two.follow(ctx)
	two.want("job.a", "ALLOW")
	if one.Snapshot().Digest() != two.Snapshot().Digest() {
		t.Error("the two have not the same in force")
	}
}

// Who sends is told of each change, before the publish answers; a publish that nobody confirms is no success, and in force.
func TestPublishIsConfirmed(t *testing.T) {
	var told []string
	var refuse error
	var w *world
	w = newWorld(t, func(c *Config) {
		c.Changed = func(context.Context) error {
			if w != nil {
				told = append(told, w.Snapshot().Digest())
			}
			return refuse
		}
	})
	w.put(bundle("a", "job.a", "ALLOW"))
	p := w.publish()
	if !slices.Equal(told, []string{p.Version.Digest}) {
		t.Errorf("told %v", told)
	}
	w.look(ctx)
	if w.publish(); len(told) != 1 {
		t.Errorf("told %d times of one change", len(told))
	}
	refuse = errors.New("a lane does not answer")
	_, err := w.Rollback(ctx, admin, Rollback{To: "1"})
	wantErr(t, err, ErrUnavailable)
	w.want("job.a", "DENY")
}
