package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety/channel"
	"cordum.dev/cordum/steps/builtin"
)

// approvers are the people outside who answer by links. refuse has checked them.
func (c *serveConfig) approvers() []gateway.Approver {
	var all []gateway.Approver
	for _, text := range c.Approvers {
		if a, err := gateway.ParseApprover(text); err == nil {
			all = append(all, a)
		}
	}
	return all
}

// rolesTimeout bounds how long a release waits for the roles of who approved it.
const rolesTimeout = time.Second

// rolesNow answers what roles somebody has now, for approvals that are about to be used up.
func (s *server) rolesNow(_, actor string) ([]string, bool) {
	if s.gateway == nil {
		return nil, true // starting: nobody is known yet, so nothing is used up
	}
	ctx, cancel := context.WithTimeout(context.Background(), rolesTimeout)
	defer cancel()
	return s.gateway.RolesOf(ctx, actor)
}

// newTeller makes what tells people outside of approvals that wait, over the channels of notifications.
func (s *server) newTeller(cfg serveConfig) (*channel.Teller, error) {
	sender, err := builtin.NewSender(cfg.Channels, builtin.Egress{Allow: cfg.EgressAllow})
	if err != nil {
		return nil, err
	}
	public := strings.TrimSuffix(cfg.PublicURL, "/")
	if public == "" {
		public = s.httpURL()
	}
	d := &desk{engine: s.engine, gateway: s.gateway, channels: sender.Channels(), approvers: cfg.approvers(), public: public}
	return channel.New(d, posting{sender}, s.log), nil
}

// posting gives messages about approvals to the channels of notifications.
type posting struct{ *builtin.Sender }

// Send implements channel.Sender.
func (p posting) Send(ctx context.Context, name string, m channel.Message) (bool, error) {
	n := builtin.Notice{Key: m.Key, Text: m.Text, Body: m.Body}
	if m.To != "" {
		n.To = []string{m.To}
	}
	return p.Sender.Send(ctx, name, n)
}

// desk is the engine as the teller of approvals sees it.
type desk struct {
	engine    *runner.Runner
	gateway   *gateway.Gateway
	channels  []string
	approvers []gateway.Approver
	public    string // address of this server, for links
}

// Asked implements channel.Desk.
func (d *desk) Asked(ctx context.Context) ([]channel.Ref, bool, error) {
	asked, all, err := d.engine.Asked(ctx)
	refs := make([]channel.Ref, len(asked))
	for i, a := range asked {
		refs[i] = channel.Ref(a)
	}
	return refs, all, err
}

// Open implements channel.Desk.
func (d *desk) Open(ctx context.Context, each func(channel.Ref) bool) error {
	return d.engine.OpenApprovals(ctx, func(a runner.OpenApproval) bool { return each(channel.Ref(a)) })
}

// Question implements channel.Desk.
func (d *desk) Question(ctx context.Context, ref channel.Ref) (channel.Question, error) {
	if len(d.channels) == 0 {
		return channel.Question{}, channel.ErrClosed // there is nobody to tell
	}
	v, err := d.engine.Question(ctx, runner.OpenApproval(ref))
	switch {
	case errors.Is(err, runner.ErrConflict), errors.Is(err, runner.ErrNotFound), errors.Is(err, runner.ErrMoved):
		return channel.Question{}, channel.ErrClosed // of what has moved its owner tells
	case err != nil:
		return channel.Question{}, err
	}
	q := channel.Question{
		Round: v.Round, Title: v.Title, Workflow: v.Workflow, Step: v.Step, RunID: v.RunID, RequestedBy: v.RequestedBy, Why: v.Why,
		ExpiresAt: v.ExpiresAt, Hash: v.Hash,
	}
	for _, n := range v.Needs {
		q.Needs = append(q.Needs, channel.Need{Rule: n.Rule, Reason: n.Reason, Approvers: n.Approvers, Quorum: n.Quorum})
	}
	for _, name := range d.channels {
		q.Audience = append(q.Audience, channel.Recipient{Channel: name, Link: d.public + "/#/runs/" + v.RunID})
	}
	return q, d.addApprovers(ctx, ref.Tenant, &v, &q)
}

// addApprovers adds those people outside who may answer, each with a link of their own.
func (d *desk) addApprovers(ctx context.Context, tenant string, v *runner.ApprovalView, q *channel.Question) error {
	for _, a := range d.approvers {
		who := d.gateway.CallerByLink(tenant, a.Actor)
		seen, err := d.engine.Approval(ctx, who, v.ID)
		switch {
		case errors.Is(err, runner.ErrNotFound):
			continue
		case err != nil:
			return err
		case seen.MayDecide == nil || !*seen.MayDecide:
			continue
		}
		link, err := d.gateway.Link(ctx, runner.Caller{Tenant: tenant, Actor: "system"}, v, a.Actor, time.Time{})
		if err != nil {
			return fmt.Errorf("make a link: %w", err)
		}
		q.Audience = append(q.Audience, channel.Recipient{
			Channel: builtin.ChannelEmail, To: strings.TrimPrefix(a.Actor, "user:"), Link: d.public + link.Path,
		})
	}
	return nil
}

// Delivered implements channel.Desk.
func (d *desk) Delivered(ctx context.Context, ref channel.Ref) ([]channel.Delivery, error) {
	kept, err := d.engine.Delivered(ctx, runner.OpenApproval(ref))
	out := make([]channel.Delivery, len(kept))
	for i, k := range kept {
		out[i] = channel.Delivery(k)
	}
	return out, err
}

// Save implements channel.Desk.
func (d *desk) Save(ctx context.Context, ref channel.Ref, v channel.Delivery) error {
	return d.engine.SaveDelivery(ctx, runner.OpenApproval(ref), runner.Delivery(v))
}
