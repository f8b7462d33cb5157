package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"cordum.dev/cordum/engine/runner"
)

// Registry is what an installation registers for all of its tenants: schemas, topics and workers' credentials.
type Registry interface {
	// PutSchema registers a JSON Schema, or another version of it. The bool says that the id is new.
	PutSchema(ctx context.Context, c runner.Caller, schema, description string, src []byte) (runner.SchemaView, bool, error)
	// Schema answers a schema with its content; digest "" is the newest version.
	Schema(ctx context.Context, c runner.Caller, schema, digest string) (runner.SchemaView, error)
	// Schemas, Topics and WorkerCredentials list up to limit things by name behind after; next is empty on the last page.
	Schemas(ctx context.Context, c runner.Caller, after string, limit int) ([]runner.SchemaView, string, error)
	// DeleteSchema is [runner.ErrConflict] for one that is named.
	DeleteSchema(ctx context.Context, c runner.Caller, schema string) error

	// CreateTopic is [runner.ErrConflict] for one that is registered; PutTopic replaces it.
	CreateTopic(ctx context.Context, c runner.Caller, spec runner.TopicSpec) (runner.TopicView, error)
	PutTopic(ctx context.Context, c runner.Caller, spec runner.TopicSpec) (runner.TopicView, bool, error)
	Topic(ctx context.Context, c runner.Caller, name string) (runner.TopicView, error)
	Topics(ctx context.Context, c runner.Caller, after string, limit int) ([]runner.TopicView, string, error)
	DeleteTopic(ctx context.Context, c runner.Caller, name string) error

	// CreateWorkerCredential and RotateWorkerCredential answer the token, this once.
	CreateWorkerCredential(ctx context.Context, c runner.Caller, spec runner.CredentialSpec) (runner.CredentialView, string, error)
	RotateWorkerCredential(ctx context.Context, c runner.Caller, worker string) (runner.CredentialView, string, error)
	WorkerCredential(ctx context.Context, c runner.Caller, worker string) (runner.CredentialView, error)
	WorkerCredentials(ctx context.Context, c runner.Caller, after string, limit int) ([]runner.CredentialView, string, error)
	// RevokeWorkerCredential answers when who came in by it is out.
	RevokeWorkerCredential(ctx context.Context, c runner.Caller, worker string) (runner.CredentialView, error)
}

// installation refuses changes of what all tenants share to who does not run the installation.
func (g *Gateway) installation(ctx context.Context) error {
	who := requestOf(ctx).principal
	if who.Operator || who.Tenant == g.cfg.Tenant {
		return nil
	}
	return newProblem("forbidden", "It is shared by all tenants: that is for the installation's own.")
}

// statusOf is 201 for what is new.
func statusOf(fresh bool) int {
	if fresh {
		return http.StatusCreated
	}
	return http.StatusOK
}

// SchemaCreate is a schema to be registered.
type SchemaCreate struct {
	ID          string          `json:"id" minLength:"1" maxLength:"64" doc:"Letters, digits, '.', '_' and '-'" example:"order"`
	Description string          `json:"description,omitempty" maxLength:"1024"`
	Schema      json.RawMessage `json:"schema" doc:"A JSON Schema (2020-12) that refers to nothing outside itself"`
}

func (g *Gateway) createSchema(ctx context.Context, in *struct{ Body SchemaCreate }) (*created[runner.SchemaView], error) {
	return g.registerSchema(ctx, in.Body.ID, in.Body.Description, in.Body.Schema)
}

type putSchemaInput struct {
	ByID
	Description string `query:"description" maxLength:"1024" doc:"What it is for"`
	RawBody     []byte
}

func (g *Gateway) putSchema(ctx context.Context, in *putSchemaInput) (*created[runner.SchemaView], error) {
	return g.registerSchema(ctx, in.ID, in.Description, in.RawBody)
}

func (g *Gateway) registerSchema(ctx context.Context, id, description string, src []byte) (*created[runner.SchemaView], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	v, fresh, err := g.engine.PutSchema(ctx, caller(ctx, ""), id, description, src)
	if err != nil {
		return nil, err
	}
	return &created[runner.SchemaView]{Status: statusOf(fresh), Location: prefix + "/schemas/" + url.PathEscape(v.ID), Body: v}, nil
}

type getSchemaInput struct {
	ByID
	Digest string `query:"digest" pattern:"^([0-9a-f]{64})?$" doc:"A version; the newest by default"`
}

func (g *Gateway) getSchema(ctx context.Context, in *getSchemaInput) (*reply[runner.SchemaView], error) {
	v, err := g.engine.Schema(ctx, caller(ctx, ""), in.ID, in.Digest)
	if err != nil {
		return nil, err
	}
	return &reply[runner.SchemaView]{v}, nil
}

func (g *Gateway) listSchemas(ctx context.Context, in *Paging) (*pageReply[runner.SchemaView], error) {
	return registeredPage(ctx, *in, "/schemas", g.engine.Schemas)
}

// registeredPage answers a page of what is registered.
func registeredPage[T any](ctx context.Context, in Paging, path string, from func(context.Context, runner.Caller, string, int) ([]T, string, error)) (*pageReply[T], error) {
	l, err := in.listOf(ctx, path, runner.Filter{})
	if err != nil {
		return nil, err
	}
	items, next, err := from(ctx, caller(ctx, ""), l.Cursor, l.Limit)
	if err != nil {
		return nil, err
	}
	return pageOf(l, items, next), nil
}

func (g *Gateway) deleteSchema(ctx context.Context, in *ByID) (*nothing, error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	return nil, g.engine.DeleteSchema(ctx, caller(ctx, ""), in.ID)
}
