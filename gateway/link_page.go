package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// linkStyle is the whole style of a link's page.
const linkStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}` +
	`pre{background:#f2f2f2;padding:.75rem;white-space:pre-wrap;overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem}` +
	`textarea{width:100%;min-height:4rem;font:inherit}button{font:inherit;padding:.5rem 1.2rem;margin:.5rem .5rem 0 0}.warn{color:#9a1c00}` +
	`@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}pre{background:#262626}.warn{color:#ff9b80}}`

// linkPolicy is the content security policy of a link's page: its own style, a form to itself, nothing else.
var linkPolicy = func() string {
	sum := sha256.Sum256([]byte(linkStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

var linkTemplate = template.Must(template.New("link").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{{.Heading}}</title><style>` + linkStyle + `</style></head><body>
<h1>{{.Heading}}</h1>
{{with .Note}}<p class="warn" role="alert">{{.}}</p>{{end}}
{{with .Approval}}<dl>
<dt>Asked by</dt><dd>{{.RequestedBy}} for workflow {{.Workflow}}, step {{.Step}}</dd>
<dt>Run</dt><dd>{{.RunID}}</dd>
{{range .Needs}}<dt>Needs</dt><dd>{{.Quorum}} of {{range $i, $a := .Approvers}}{{if $i}}, {{end}}{{$a}}{{else}}whoever may approve{{end}}{{with .Rule}} (rule {{.}}){{end}}{{with .Reason}}: {{.}}{{end}}</dd>{{end}}
{{range .Votes}}<dt>Answered</dt><dd>{{.By}}: {{.Decision}}{{if .Void}} (void){{end}}{{with .Comment}}, “{{.}}”{{end}}</dd>{{end}}
{{with .Why}}<dt>Asked again, because</dt><dd>{{.}}</dd>{{end}}
{{with .ExpiresAt}}<dt>Until</dt><dd>{{.Format "2006-01-02 15:04 MST"}}</dd>{{end}}
<dt>You are</dt><dd>{{$.Approver}}</dd></dl>{{end}}
{{with .Input}}<h2>What would be done, with</h2><pre>{{.}}</pre>{{end}}
{{with .Context}}<h2>What is asked</h2><pre>{{.}}</pre>{{end}}
{{if .Form}}<form method="post">
{{with .Schema}}<h2>Values</h2><p>JSON that fits this form:</p><pre>{{.}}</pre><label for="values">Values</label><textarea id="values" name="values">{}</textarea>{{end}}
<label for="comment">Comment</label><textarea id="comment" name="comment" maxlength="4096"></textarea>
<button name="decision" value="approve">Approve</button><button name="decision" value="deny">Deny</button>
</form>{{end}}
</body></html>
`))

// linkView is what a link's page shows.
type linkView struct {
	Heading, Note, Approver string
	Approval                *runner.ApprovalView
	Input, Context, Schema  string
	Form                    bool // there is something to answer
}

// serveLink shows what is asked. It decides nothing, whoever opens it: programs that look at mail open links too.
func (g *Gateway) serveLink(w http.ResponseWriter, r *http.Request) {
	t, view, err := g.linked(r)
	if err != nil {
		g.refuseLink(w, r, err)
		return
	}
	page := &linkView{Heading: view.Title, Approver: t.Approver, Approval: view, Form: true}
	if view.MayDecide != nil && !*view.MayDecide {
		page.Note = "You could deny it, but not approve it: " + view.WhyNot + "."
	}
	page.Input, page.Context, page.Schema = indented(view.Input), indented(view.Context), indented(view.Form)
	writeLinkPage(w, http.StatusOK, page)
}

// linked reads the approval that a link is for, as the person that the link names sees it.
func (g *Gateway) linked(r *http.Request) (*ticket, *runner.ApprovalView, error) {
	key, err := g.links.read(r.Context())
	if err != nil {
		return nil, nil, err
	}
	t, err := readTicket(key, r.PathValue("link"), g.keys.now())
	if err != nil {
		return nil, nil, err
	}
	who := g.person(t.Tenant, t.Approver)
	view, err := g.engine.Approval(r.Context(), who.caller(), t.Approval)
	switch {
	case err != nil:
		return nil, nil, err
	case view.State != "waiting":
		return nil, nil, newProblem("conflict", "It is decided: "+view.State+".")
	case view.Round != t.Round || view.Hash != t.Hash:
		return nil, nil, newProblem("conflict", "Something else is asked by now: this link is for what was asked before.")
	}
	return t, &view, nil
}

// answerLink takes the answer of the page's form.
func (g *Gateway) answerLink(w http.ResponseWriter, r *http.Request) {
	t, view, err := g.linked(r)
	if err != nil {
		g.refuseLink(w, r, err)
		return
	}
	d, err := linkAnswer(w, r)
	if err != nil {
		g.refuseLink(w, r, err)
		return
	}
	d.ExpectHash, d.Channel = t.Hash, "link"
	who := g.person(t.Tenant, t.Approver)
	c := who.caller()
	c.Reason = d.Comment
	rec := recordOf(r.Context())
	rec.tenant, rec.actor = who.Tenant, who.Actor
	after, err := g.engine.Decide(r.Context(), c, t.Approval, d)
	if err != nil {
		g.refuseLink(w, r, err)
		return
	}
	note := "Your answer is taken. It is " + after.State + "."
	if after.State == "waiting" {
		note = "Your answer is taken. It waits for others too."
	}
	writeLinkPage(w, http.StatusOK, &linkView{Heading: view.Title, Note: note, Approver: t.Approver, Approval: &after})
}

// linkAnswer reads the form.
func linkAnswer(w http.ResponseWriter, r *http.Request) (runner.Decision, error) {
	// A connection that cannot have a deadline is a test's.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(BodyTimeout))
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxLinkForm))
	if err != nil {
		return runner.Decision{}, newProblem("body_too_large", "The comment and the values are too long.")
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return runner.Decision{}, newProblem("invalid_argument", "The form could not be read.")
	}
	d := runner.Decision{Comment: form.Get("comment")}
	switch form.Get("decision") {
	case "approve":
		d.Approve = true
	case "deny":
	default:
		return runner.Decision{}, newProblem("invalid_argument", "Choose one of the buttons.")
	}
	if text := strings.TrimSpace(form.Get("values")); text != "" && text != "{}" {
		if p := checkJSON([]byte(text)); p != nil {
			return runner.Decision{}, p
		}
		d.Values = json.RawMessage(text)
	}
	return d, nil
}

// refuseLink says on a page why a link does not lead on. What is not this person's to see is no link.
func (g *Gateway) refuseLink(w http.ResponseWriter, r *http.Request, err error) {
	page := &linkView{Heading: "This link does not lead anywhere"}
	switch {
	case errors.Is(err, errNoLink), errors.Is(err, runner.ErrNotFound):
		page.Note = "It is incomplete, was made by another server, or what it was for is not there any more."
		writeLinkPage(w, http.StatusNotFound, page)
	case errors.Is(err, errLinkOver):
		page.Note = "Its time is over. Ask for another one, or answer with a key."
		writeLinkPage(w, http.StatusGone, page)
	default:
		p := g.fail(recordOf(r.Context()), err)
		page.Heading, page.Note = p.Title, p.Detail
		writeLinkPage(w, p.Status, page)
	}
}

func writeLinkPage(w http.ResponseWriter, status int, page *linkView) {
	if page.Heading == "" {
		page.Heading = "Approval"
	}
	var b bytes.Buffer
	if err := linkTemplate.Execute(&b, page); err != nil {
		newProblem("internal", "The page could not be made.").write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", linkPolicy)
	// A form sends where it comes from only by a policy that lets it, and that is how it is told from one of another site.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader left; nothing to do about it
}

// indented shows a JSON value, whole.
func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || json.Indent(&b, raw, "", "  ") != nil {
		return ""
	}
	return b.String()
}
