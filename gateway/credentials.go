package gateway

import (
	"context"
	"net/http"
	"net/url"

	"cordum.dev/cordum/engine/runner"
)

// CredentialCreate asks for a worker's own credential.
type CredentialCreate struct {
	Worker       string   `json:"worker_id" minLength:"1" maxLength:"64" doc:"Letters, digits, '_' and '-': one word of a subject" example:"shipper-1"`
	Topics       []string `json:"topics" minItems:"1" maxItems:"64" doc:"Topics whose jobs it may get, or patterns such as job.orders.*" example:"[\"job.orders.*\"]"`
	Pools        []string `json:"pools,omitempty" maxItems:"64" doc:"Pools that it may say it is in"`
	Capabilities []string `json:"capabilities,omitempty" maxItems:"64" doc:"Capabilities that it may say it has"`
	CAP          bool     `json:"cap,omitempty" doc:"It may also speak on the subjects that all CAP workers share"`
	Description  string   `json:"description,omitempty" maxLength:"1024"`
}

// CredentialMade is a worker's credential with its token, which is shown this once.
type CredentialMade struct {
	runner.CredentialView
	Token string `json:"token" doc:"The token itself. Nobody can read it again"`
}

func (g *Gateway) createCredential(ctx context.Context, in *struct{ Body CredentialCreate }) (*created[CredentialMade], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	b := &in.Body
	v, token, err := g.engine.CreateWorkerCredential(ctx, creator(ctx), runner.CredentialSpec{
		Worker: b.Worker, Topics: b.Topics, Pools: b.Pools, Capabilities: b.Capabilities, CAP: b.CAP, Description: b.Description,
	})
	if err != nil {
		return nil, err
	}
	at := prefix + "/workers/credentials/" + url.PathEscape(v.Worker)
	return &created[CredentialMade]{Status: http.StatusCreated, Location: at, Body: CredentialMade{v, token}}, nil
}

func (g *Gateway) listCredentials(ctx context.Context, in *Paging) (*pageReply[runner.CredentialView], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	return registeredPage(ctx, *in, "/workers/credentials", g.engine.WorkerCredentials)
}

func (g *Gateway) getCredential(ctx context.Context, in *ByID) (*reply[runner.CredentialView], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	v, err := g.engine.WorkerCredential(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.CredentialView]{v}, nil
}

func (g *Gateway) rotateCredential(ctx context.Context, in *reasonInput) (*reply[CredentialMade], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	v, token, err := g.engine.RotateWorkerCredential(ctx, caller(ctx, in.Body.text()), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[CredentialMade]{CredentialMade{v, token}}, nil
}

func (g *Gateway) revokeCredential(ctx context.Context, in *reasonInput) (*reply[runner.CredentialView], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	v, err := g.engine.RevokeWorkerCredential(ctx, caller(ctx, in.Body.text()), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.CredentialView]{v}, nil
}
