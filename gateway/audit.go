package gateway

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// exportMedia is the media type of lines of JSON.
const exportMedia = "application/jsonl"

type listAuditInput struct {
	Act    string    `query:"act" maxLength:"64" doc:"Only this kind of act: decision, release, approval, policy.publish, …"`
	Actor  string    `query:"actor" maxLength:"200" doc:"Only what this one did, as user:ann"`
	Run    string    `query:"run" maxLength:"200" doc:"Only of this run"`
	Since  time.Time `query:"since" doc:"Not before this time"`
	Until  time.Time `query:"until" doc:"Before this time"`
	Order  string    `query:"order" enum:"asc,desc" default:"desc" doc:"desc: the newest first; asc: the oldest first"`
	Cursor string    `query:"cursor" maxLength:"4096" doc:"next_cursor of the page before, with the same order"`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"How many items"`
}

func (g *Gateway) listAudit(ctx context.Context, in *listAuditInput) (*pageReply[runner.AuditRecord], error) {
	records, next, err := g.engine.AuditRecords(ctx, caller(ctx, ""), runner.AuditQuery{
		Act: runner.AuditAct(in.Act), Actor: in.Actor, Run: in.Run, Since: in.Since, Until: in.Until, Forward: in.Order == "asc",
		Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := &pageReply[runner.AuditRecord]{Body: Page[runner.AuditRecord]{Items: records, NextCursor: next}}
	if records == nil {
		out.Body.Items = []runner.AuditRecord{}
	}
	if next != "" {
		out.Link = "<" + prefix + "/audit?" + in.next(next).Encode() + `>; rel="next"`
	}
	return out, nil
}

// next is the query of the page that follows.
func (in *listAuditInput) next(cursor string) url.Values {
	q := url.Values{"cursor": {cursor}, "limit": {strconv.Itoa(in.Limit)}, "order": {in.Order}}
	for name, value := range map[string]string{"act": in.Act, "actor": in.Actor, "run": in.Run} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": in.Since, "until": in.Until} {
		if !at.IsZero() {
			q.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	return q
}

func (g *Gateway) verifyAudit(ctx context.Context, _ *struct{}) (*reply[runner.AuditReport], error) {
	report, err := g.engine.VerifyAudit(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	return &reply[runner.AuditReport]{report}, nil
}

// exportAudit writes as it reads. What goes wrong before the first byte is a problem; later, the missing last line tells.
func (g *Gateway) exportAudit(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.Query()) > 0 {
		newProblem("invalid_argument", "An export has no parameters: it is whole, so that it can be checked.").write(w)
		return
	}
	out := &exportBody{ResponseWriter: w}
	if err := g.engine.ExportAudit(r.Context(), caller(r.Context(), ""), out); err != nil {
		if !out.begun {
			g.fail(recordOf(r.Context()), err).write(w)
			return
		}
		g.log.WarnContext(r.Context(), "export of the audit log ended early", "error", err.Error())
	}
}

// exportBody sends the headers with the first byte.
type exportBody struct {
	http.ResponseWriter
	begun bool
}

func (b *exportBody) Write(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		h := b.Header()
		h.Set("Content-Type", exportMedia)
		h.Set("Content-Disposition", `attachment; filename="cordum-audit.jsonl"`)
	}
	return b.ResponseWriter.Write(p)
}

type listHeadsInput struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"20" default:"20" doc:"How many items"`
}

func (g *Gateway) listAuditHeads(ctx context.Context, in *listHeadsInput) (*pageReply[runner.AuditHead], error) {
	heads, next, err := g.engine.AuditHeads(ctx, caller(ctx, ""), requestOf(ctx).principal.Operator, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &pageReply[runner.AuditHead]{Body: Page[runner.AuditHead]{Items: heads, NextCursor: next}}
	if next != "" {
		q := url.Values{"cursor": {next}, "limit": {strconv.Itoa(in.Limit)}}
		out.Link = "<" + prefix + "/audit/heads?" + q.Encode() + `>; rel="next"`
	}
	return out, nil
}

type reasonOnlyInput struct {
	Body *Reason
}

func (g *Gateway) takeAuditHead(ctx context.Context, in *reasonOnlyInput) (*reply[runner.AuditHead], error) {
	head, err := g.engine.TakeAuditHead(ctx, caller(ctx, in.Body.text()), requestOf(ctx).principal.Operator)
	if err != nil {
		return nil, err
	}
	return &reply[runner.AuditHead]{head}, nil
}

func (g *Gateway) getEvidence(ctx context.Context, in *ByID) (*reply[runner.AuditEvidence], error) {
	e, err := g.engine.Evidence(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.AuditEvidence]{e}, nil
}

func (g *Gateway) listLegalHolds(ctx context.Context, _ *struct{}) (*reply[Page[runner.LegalHold]], error) {
	holds, err := g.engine.LegalHolds(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	return &reply[Page[runner.LegalHold]]{Page[runner.LegalHold]{Items: holds}}, nil
}

// LegalHoldSet is a legal hold to be set.
type LegalHoldSet struct {
	Run    string `json:"run,omitempty" maxLength:"200" doc:"Only this run's records; all of the tenant by default"`
	Reason string `json:"reason" minLength:"1" maxLength:"1024"`
}

func (g *Gateway) setLegalHold(ctx context.Context, in *struct{ Body LegalHoldSet }) (*reply[runner.LegalHold], error) {
	h, err := g.engine.SetLegalHold(ctx, caller(ctx, in.Body.Reason), in.Body.Run)
	if err != nil {
		return nil, err
	}
	return &reply[runner.LegalHold]{h}, nil
}

func (g *Gateway) liftLegalHold(ctx context.Context, in *reasonInput) (*reply[LiftedHold], error) {
	if err := g.engine.LiftLegalHold(ctx, caller(ctx, in.Body.text()), in.ID); err != nil {
		return nil, err
	}
	return &reply[LiftedHold]{LiftedHold{in.ID, true}}, nil
}
