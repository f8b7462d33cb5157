package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/kernel"
)

// policies is the policy store, for who may see the policies of the whole installation: they speak of every tenant, so who
// belongs to another tenant than the server's own sees none of them.
func (g *Gateway) policies(ctx context.Context) (*kernel.Kernel, kernel.Who, error) {
	who := requestOf(ctx).principal
	switch {
	case who.Tenant != g.cfg.Tenant:
		return nil, kernel.Who{}, newProblem("forbidden", "Policies are the installation's: ask as somebody of its own tenant.")
	case g.cfg.Kernel == nil:
		return nil, kernel.Who{}, newProblem("unavailable", "This server keeps no policies.")
	}
	c := caller(ctx, "")
	return g.cfg.Kernel, kernel.Who{
		Tenant: c.Tenant, Actor: c.Actor, Reason: c.Reason, Roles: c.Roles, Groups: c.Groups, ActorType: c.ActorType, Owner: c.Owner,
	}, nil
}

// PolicyFinding is something that is wrong with a policy, or worth a warning.
type PolicyFinding = ProblemItem

// BundleView is a bundle of rules: what is drafted of it, and whether that is in force.
type BundleView struct {
	Name      string          `json:"name"`
	State     string          `json:"state" enum:"draft,changed,published,deleted" doc:"draft: never published; changed: another text is in force; deleted: in force until the next publish of all"`
	Overlay   bool            `json:"overlay" doc:"It can only tighten"`
	Version   int64           `json:"version,omitempty" doc:"What a signed bundle says of itself"`
	SignedBy  string          `json:"signed_by,omitempty" doc:"Id of the public key that verified it"`
	ETag      string          `json:"etag,omitempty" doc:"Of the draft; send it as If-Match"`
	SHA256    string          `json:"sha256" doc:"Of the text"`
	By        string          `json:"by"`
	At        time.Time       `json:"at"`
	Text      string          `json:"text,omitempty" doc:"As it was written; only when one is read"`
	Signature string          `json:"signature,omitempty"`
	InForce   string          `json:"in_force,omitempty" doc:"The text that is in force, where it is another; only when one is read"`
	Warnings  []PolicyFinding `json:"warnings,omitempty" doc:"Of the bundle by itself; only when it was just written"`
}

// viewOf shows a bundle, with its texts or without.
func viewOf(b kernel.Bundle, full bool) BundleView {
	t, etag := b.Text, ""
	if b.Draft != nil {
		t, etag = &b.Draft.Text, b.Draft.ETag
	}
	v := BundleView{
		Name: b.Name, State: b.State, Overlay: t.Overlay, Version: t.Version, SignedBy: t.SignedBy, ETag: etag,
		SHA256: t.SHA256(), By: t.By, At: t.At,
	}
	if b.Draft != nil {
		v.Warnings = findings(b.Draft.Warnings)
	}
	if full {
		v.Text, v.Signature = t.Text, t.Signature
		if b.Draft != nil && b.Text != nil && b.Text.Text != t.Text {
			v.InForce = b.Text.Text
		}
	}
	return v
}

// findings shows problems of a policy as those of definitions are shown.
func findings(problems []safety.Problem) []PolicyFinding {
	var out []PolicyFinding
	for _, p := range problems {
		item := ProblemItem{
			Message: p.Message, Location: p.Pointer, Rule: p.Rule, Severity: "error", Line: p.Line, Column: p.Col, Hint: p.Hint,
		}
		if p.Warning {
			item.Severity = "warning"
		}
		out = append(out, item)
	}
	return out
}

type listBundlesInput struct{}

// BundleList is every bundle; there are at most as many as a policy may have.
type BundleList struct {
	Items []BundleView `json:"items"`
}

func (g *Gateway) listBundles(ctx context.Context, _ *listBundlesInput) (*reply[BundleList], error) {
	k, _, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	all, err := k.Bundles(ctx)
	if err != nil {
		return nil, err
	}
	out := BundleList{Items: []BundleView{}}
	for _, b := range all {
		out.Items = append(out.Items, viewOf(b, false))
	}
	return &reply[BundleList]{out}, nil
}

// BundleID names a bundle.
type BundleID struct {
	ID string `path:"id" maxLength:"128" pattern:"^[A-Za-z0-9][A-Za-z0-9._:@~-]*$" doc:"The name of the bundle, with ~ for /"`
}

func (in *BundleID) name() string { return kernel.BundleName(in.ID) }

// tagged is an answer about something that If-Match can name.
type tagged[T any] struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location" doc:"Where to read what was made"`
	Body     T
}

func (g *Gateway) getBundle(ctx context.Context, in *BundleID) (*tagged[BundleView], error) {
	k, _, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	b, err := k.Bundle(ctx, in.name())
	if err != nil {
		return nil, err
	}
	return taggedBundle(http.StatusOK, viewOf(b, true)), nil
}

func taggedBundle(status int, v BundleView) *tagged[BundleView] {
	out := &tagged[BundleView]{Status: status, Body: v}
	if v.ETag != "" {
		out.ETag = `"` + v.ETag + `"`
	}
	return out
}

// Preconditions say what a change replaces.
type Preconditions struct {
	IfMatch     string `header:"If-Match" maxLength:"80" doc:"The ETag that is replaced; another one by now is refused"`
	IfNoneMatch string `header:"If-None-Match" enum:"*" doc:"*: there must be none yet"`
}

// etag is what must be there: "" nothing; nil whatever there is.
func (in *Preconditions) etag() (*string, error) {
	none := ""
	switch {
	case in.IfMatch != "" && in.IfNoneMatch != "":
		return nil, newProblem("invalid_argument", "Send If-Match or If-None-Match, not both.")
	case in.IfNoneMatch != "":
		return &none, nil
	case in.IfMatch == "":
		return nil, nil
	}
	tag := strings.TrimSuffix(strings.TrimPrefix(in.IfMatch, `"`), `"`)
	if tag == "" || strings.ContainsAny(tag, `"*/ ,`) {
		return nil, newProblem("invalid_argument", "header.If-Match: send one ETag as it was answered.")
	}
	return &tag, nil
}

type putBundleInput struct {
	BundleID
	BundleBody
}

// BundleBody is a bundle as it was sent.
type BundleBody struct {
	Preconditions
	ContentType string `header:"Content-Type"`
	Signature   string `header:"X-Policy-Signature" maxLength:"1024" doc:"Signature over the body, in base64 or hex"`
	Overlay     bool   `query:"overlay" doc:"It can only tighten"`
	RawBody     []byte
}

// envelope is a bundle with its signature beside it.
type envelope struct {
	Bundle    json.RawMessage `json:"bundle"`
	Signature string          `json:"signature"`
	Overlay   bool            `json:"overlay"`
}

// put reads the body: a bundle, or an object with bundle and signature. What is signed are exactly the bytes of the bundle.
func (in *BundleBody) put(name string) (kernel.Put, error) {
	match, err := in.etag()
	if err != nil {
		return kernel.Put{}, err
	}
	put := kernel.Put{Name: name, Text: bytes.Clone(in.RawBody), Signature: in.Signature, Overlay: in.Overlay, IfMatch: match}
	if !bytes.HasPrefix(bytes.TrimLeft(put.Text, " \t\r\n"), []byte("{")) {
		return put, nil
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(put.Text, &keys) != nil || keys["bundle"] == nil {
		return put, nil // what is wrong with it is said with its place when it is read
	}
	if p := checkJSON(put.Text); p != nil {
		return put, p
	}
	var e envelope
	read := json.NewDecoder(bytes.NewReader(put.Text))
	read.DisallowUnknownFields()
	if err := read.Decode(&e); err != nil {
		return put, newProblem("invalid_body", "Beside bundle there may be signature, a text, and overlay, true or false.")
	}
	if put.Signature != "" && e.Signature != "" {
		return put, newProblem("conflicting_fields", "The signature is in the header and in the body: keep one.")
	}
	put.Text, put.Overlay = textOf(e.Bundle), put.Overlay || e.Overlay
	if e.Signature != "" {
		put.Signature = e.Signature
	}
	return put, nil
}

// textOf is a bundle of a JSON document: an object as it stands there, or the text in a string.
func textOf(raw json.RawMessage) []byte {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	return raw
}

func (g *Gateway) putBundle(ctx context.Context, in *putBundleInput) (*tagged[BundleView], error) {
	return g.draft(ctx, in.name(), &in.BundleBody)
}

func (g *Gateway) createBundle(ctx context.Context, in *BundleBody) (*tagged[BundleView], error) {
	return g.draft(ctx, "", in)
}

func (g *Gateway) draft(ctx context.Context, name string, body *BundleBody) (*tagged[BundleView], error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	put, err := body.put(name)
	if err != nil {
		return nil, err
	}
	d, isNew, err := k.PutDraft(ctx, who, put)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	b, err := k.Bundle(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	b.Draft = &d
	out := taggedBundle(status, viewOf(b, false))
	out.Location = prefix + "/policy/bundles/" + url.PathEscape(strings.ReplaceAll(d.Name, "/", "~"))
	return out, nil
}

type deleteBundleInput struct {
	BundleID
	IfMatch string `header:"If-Match" maxLength:"80" doc:"The ETag that is deleted; another one by now is refused"`
}

type nothing struct{}

func (g *Gateway) deleteBundle(ctx context.Context, in *deleteBundleInput) (*nothing, error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	match, err := (&Preconditions{IfMatch: in.IfMatch}).etag()
	if err != nil {
		return nil, err
	}
	return nil, k.DeleteDraft(ctx, who, in.name(), match)
}
