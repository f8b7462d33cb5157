package gateway

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

func policyRoutes() []Route {
	return append(bundleRoutes(), policyAskRoutes()...)
}

// bundleSchema describes a bundle only roughly: docs/policy.md has the language.
func bundleSchema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Description: "A bundle {name, rules}, or an object with the bundle as object or text and its signature beside it",
		Properties: map[string]*huma.Schema{
			"name":      {Type: huma.TypeString},
			"version":   {Description: "A whole number; a signed bundle needs it"},
			"rules":     {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
			"bundle":    {Description: "The bundle, as an object or as text"},
			"signature": {Type: huma.TypeString, Description: "Over exactly the bytes of bundle, in base64 or hex"},
			"overlay":   {Type: huma.TypeBoolean},
		},
		Examples: []any{map[string]any{
			"name": "acme",
			"rules": []any{
				map[string]any{"id": "no-prod", "match": map[string]any{"tags": map[string]any{"env": "prod"}}, "decision": "DENY"},
			},
		}},
	}
}

func bundleRoutes() []Route {
	const tag = "policy"
	const precondition = http.StatusPreconditionFailed
	return []Route{
		{
			Method: "GET", Path: prefix + "/policy/bundles", ID: "listBundles", Tag: tag, Summary: "List the bundles of rules, drafts and published",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listBundles),
		},
		{
			Method: "POST", Path: prefix + "/policy/bundles", ID: "createBundle", Tag: tag, Summary: "Write the draft of a bundle under the name it has",
			Doc:  "201 for the first draft of that name, 200 for another. A draft decides nothing before it is published.",
			Role: RoleAuthor, Tenant: TenantCaller, Body: MaxDefinitionBody, Accepts: definitions,
			Audit: "policy.draft", Errors: []int{conflict, precondition}, bind: handleRaw((*Gateway).createBundle, true, bundleSchema),
		},
		{
			Method: "GET", Path: prefix + "/policy/bundles/{id}", ID: "getBundle", Tag: tag, Summary: "Read a bundle as it was written",
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getBundle),
		},
		{
			Method: "PUT", Path: prefix + "/policy/bundles/{id}", ID: "putBundle", Tag: tag, Summary: "Write the draft of a bundle",
			Role: RoleAuthor, Tenant: TenantCaller, Body: MaxDefinitionBody, Accepts: definitions,
			Audit: "policy.draft", Errors: []int{conflict, precondition}, bind: handleRaw((*Gateway).putBundle, true, bundleSchema),
		},
		{
			Method: "DELETE", Path: prefix + "/policy/bundles/{id}", ID: "deleteBundle", Tag: tag, Status: http.StatusNoContent,
			Summary: "Delete the draft of a bundle; what is in force of it ends with the next publish",
			Role:    RoleAuthor, Tenant: TenantCaller, Audit: "policy.draft", Errors: []int{notFound, conflict, precondition},
			bind: handle((*Gateway).deleteBundle),
		},
		{
			Method: "POST", Path: prefix + "/policy/publish", ID: "publishPolicy", Tag: tag, Summary: "Make drafts active, all or none",
			Doc:  "When it answers, they are in force: what was not sent to a worker before is decided by them.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "policy.publish", Errors: []int{notFound, conflict}, bind: handle((*Gateway).publishPolicy),
		},
		{
			Method: "POST", Path: prefix + "/policy/rollback", ID: "rollbackPolicy", Tag: tag, Summary: "Make an older version active again",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "policy.rollback", Errors: []int{notFound, conflict}, bind: handle((*Gateway).rollbackPolicy),
		},
		{
			Method: "GET", Path: prefix + "/policy/active", ID: "getActivePolicy", Tag: tag, Summary: "What policy is in force, and what is wrong",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).getActivePolicy),
		},
		{
			Method: "GET", Path: prefix + "/policy/snapshots", ID: "listSnapshots", Tag: tag, Summary: "List what was published, newest first",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listSnapshots),
		},
		{
			Method: "GET", Path: prefix + "/policy/snapshots/{id}", ID: "getSnapshot", Tag: tag, Summary: "Read what was published, with its canonical form",
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getSnapshot),
		},
	}
}

// policyAskRoutes are those that ask policies. The four that have an older spelling without the prefix answer it too.
func policyAskRoutes() []Route {
	const tag = "policy"
	asks := []Route{
		{
			Method: "POST", Path: "/policy/evaluate", ID: "evaluatePolicy", Tag: tag, Summary: "Ask what the policy in force decides about a request",
			Doc:  "Nothing is recorded and nothing starts. What is left out of the request is filled with who asks.",
			Role: RoleViewer, Body: MaxBody, bind: handle((*Gateway).evaluatePolicy),
		},
		{
			Method: "POST", Path: "/policy/explain", ID: "explainPolicy", Tag: tag, Summary: "Ask why: each rule, and what would change the verdict",
			Role: RoleViewer, Body: MaxBody, Errors: []int{notFound}, bind: handle((*Gateway).explainPolicy),
		},
		{
			Method: "POST", Path: "/policy/simulate", ID: "simulatePolicy", Tag: tag, Summary: "Ask what another policy would decide about requests or a workflow",
			Role: RoleViewer, Body: MaxDefinitionBody, Errors: []int{notFound}, bind: handle((*Gateway).simulatePolicy),
		},
		{
			Method: "POST", Path: "/policy/replay", ID: "replayPolicy", Tag: tag, Summary: "Ask what another policy would have decided about past runs",
			Doc:  "The recorded decisions of your tenant are made again: what would be newly denied, gated or allowed, by workflow and step.",
			Role: RoleAuthor, Body: MaxDefinitionBody, Errors: []int{notFound}, Audit: "policy.replay", bind: handle((*Gateway).replayPolicy),
		},
	}
	var all []Route
	for _, r := range asks {
		r.Tenant, r.Accepts = TenantCaller, jsonOnly
		seeds := r
		seeds.ID = ""
		r.Path = prefix + r.Path
		all = append(all, r, seeds)
	}
	return append(all, Route{
		Method: "GET", Path: prefix + "/policy/shadow", ID: "getShadow", Tag: tag, Summary: "Compare what the shadow policy said with what counted",
		Role: RoleAuthor, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getShadow),
	}, Route{
		Method: "POST", Path: prefix + "/policy/shadow", ID: "setShadow", Tag: tag, Summary: "Evaluate another policy beside the one in force",
		Doc:  "Both answers are recorded, one counts.",
		Role: RoleAuthor, Tenant: TenantCaller, Body: MaxDefinitionBody, Accepts: jsonOnly,
		Audit: "policy.shadow", Errors: []int{notFound}, bind: handle((*Gateway).setShadow),
	}, Route{
		Method: "DELETE", Path: prefix + "/policy/shadow", ID: "clearShadow", Tag: tag, Status: http.StatusNoContent, Summary: "End the shadow policy",
		Role: RoleAuthor, Tenant: TenantCaller, Audit: "policy.shadow", Errors: []int{notFound}, bind: handle((*Gateway).clearShadow),
	})
}
