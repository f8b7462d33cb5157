package gateway

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// topicRoutes are those of schemas, topics and workers' credentials: what an installation registers for all of its tenants.
func topicRoutes() []Route {
	return append(append(schemaRoutes(), registryRoutes()...), credentialRoutes()...)
}

// jsonSchemaSchema describes a JSON Schema only roughly: its own specification does it.
func jsonSchemaSchema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "A JSON Schema (2020-12) that refers to nothing outside itself"}
}

func schemaRoutes() []Route {
	const tag = "schemas"
	const doc = "The same schema again changes nothing; another one is a new version. Runs that have begun keep the version they began with."
	return []Route{
		{
			Method: "GET", Path: prefix + "/schemas", ID: "listSchemas", Tag: tag, Summary: "List the registered JSON Schemas",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listSchemas),
		},
		{
			Method: "POST", Path: prefix + "/schemas", ID: "createSchema", Tag: tag, Status: http.StatusCreated, Summary: "Register a JSON Schema",
			Doc: "201 for a new id, 200 for another version. " + doc, Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "schema.put", bind: handle((*Gateway).createSchema),
		},
		{
			Method: "GET", Path: prefix + "/schemas/{id}", ID: "getSchema", Tag: tag, Summary: "Read a registered schema, the newest version or the one with a digest",
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getSchema),
		},
		{
			Method: "PUT", Path: prefix + "/schemas/{id}", ID: "putSchema", Tag: tag, Summary: "Register a JSON Schema; the body is the schema",
			Doc: "201 for a new id, 200 for another version. " + doc, Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: definitions,
			Audit: "schema.put", bind: handleRaw((*Gateway).putSchema, true, jsonSchemaSchema),
		},
		{
			Method: "DELETE", Path: prefix + "/schemas/{id}", ID: "deleteSchema", Tag: tag, Status: http.StatusNoContent,
			Summary: "Forget a schema that no topic and no workflow names",
			Role:    RoleAdmin, Tenant: TenantCaller, Audit: "schema.delete", Errors: []int{notFound, conflict}, bind: handle((*Gateway).deleteSchema),
		},
	}
}

func registryRoutes() []Route {
	const tag = "topics"
	return []Route{
		{
			Method: "GET", Path: prefix + "/topics", ID: "listTopics", Tag: tag, Summary: "List the registered topics",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listTopics),
		},
		{
			Method: "POST", Path: prefix + "/topics", ID: "createTopic", Tag: tag, Status: http.StatusCreated, Summary: "Register a topic",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "topic.put", Errors: []int{conflict}, bind: handle((*Gateway).createTopic),
		},
		{
			Method: "GET", Path: prefix + "/topics/{id}", ID: "getTopic", Tag: tag, Summary: "Read a registered topic",
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getTopic),
		},
		{
			Method: "PUT", Path: prefix + "/topics/{id}", ID: "putTopic", Tag: tag, Summary: "Register a topic, or replace all that is said of it",
			Doc:  "201 for a new one, 200 for one that was registered.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "topic.put", bind: handle((*Gateway).putTopic),
		},
		{
			Method: "DELETE", Path: prefix + "/topics/{id}", ID: "deleteTopic", Tag: tag, Status: http.StatusNoContent, Summary: "Forget a topic",
			Doc:  "Its jobs go on. Where topics must be registered, no more begin.",
			Role: RoleAdmin, Tenant: TenantCaller, Audit: "topic.delete", Errors: []int{notFound}, bind: handle((*Gateway).deleteTopic),
		},
	}
}

func credentialRoutes() []Route {
	const tag = "workers"
	return []Route{
		{
			Method: "GET", Path: prefix + "/workers/credentials", ID: "listWorkerCredentials", Tag: tag, Summary: "List the workers' own credentials",
			Role: RoleAdmin, Tenant: TenantCaller, bind: handle((*Gateway).listCredentials),
		},
		{
			Method: "POST", Path: prefix + "/workers/credentials", ID: "createWorkerCredential", Tag: tag, Status: http.StatusCreated,
			Summary: "Make a worker a credential of its own",
			Doc: "The token is in this answer and nowhere else: the server keeps its SHA-256 only. On NATS the worker shows its id as user and " +
				"the token as password, or the token alone.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "worker.credential.create", Errors: []int{conflict}, bind: handle((*Gateway).createCredential),
		},
		{
			Method: "GET", Path: prefix + "/workers/credentials/{id}", ID: "getWorkerCredential", Tag: tag, Summary: "Read what a worker's credential is for",
			Role: RoleAdmin, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getCredential),
		},
		{
			Method: "POST", Path: prefix + "/workers/credentials/{id}/rotate", ID: "rotateWorkerCredential", Tag: tag, Summary: "Give a worker another token",
			Doc:  "The token before is worthless when the answer comes; connections that came in by it are closed.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "worker.credential.rotate", Errors: []int{notFound, conflict}, bind: handle((*Gateway).rotateCredential),
		},
		{
			Method: "POST", Path: prefix + "/workers/credentials/{id}/revoke", ID: "revokeWorkerCredential", Tag: tag, Summary: "Make a worker's credential worthless",
			Doc:  "When the answer comes, connections that came in by it are closed; what the worker had runs elsewhere. A second time changes nothing.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "worker.credential.revoke", Errors: []int{notFound}, bind: handle((*Gateway).revokeCredential),
		},
	}
}
