package gateway

import "net/http"

const prefix = "/api/v1"

// Media types of bodies.
var (
	jsonOnly    = []string{"application/json"}
	formOnly    = []string{"application/x-www-form-urlencoded"}
	definitions = []string{"application/json", "application/yaml", "application/x-yaml", "text/yaml"}
)

// Routes is the one table of what the gateway serves.
func Routes() []Route {
	var all []Route
	for _, part := range [][]Route{
		workflowRoutes(), startRoutes(), runRoutes(), controlRoutes(), jobRoutes(), logRoutes(), effectRoutes(), factRoutes(), backupRoutes(), retentionRoutes(), fleetRoutes(), approvalRoutes(), holdRoutes(),
		deadRoutes(), lockRoutes(), keyRoutes(), policyRoutes(), auditRoutes(), streamRoutes(), systemRoutes(), topicRoutes(),
	} {
		all = append(all, part...)
	}
	return all
}

const (
	notFound = http.StatusNotFound
	conflict = http.StatusConflict
)

func workflowRoutes() []Route {
	const tag = "workflows"
	return []Route{
		{
			Method: "POST", Path: prefix + "/workflows", ID: "createWorkflow", Tag: tag, Status: 201,
			Summary: "Store a definition, or run it once",
			Doc: "A definition with an id or a name is stored; the same content twice is one version. With run=true, or " +
				"`\"run\": true` in the definition, it is also started. A definition with neither id nor name is a one-shot: stored " +
				"under a derived id and started at once, unless run=false.",
			Role: RoleAuthor, Tenant: TenantCaller, Body: MaxDefinitionBody, Accepts: definitions,
			Audit: "workflow.create", Errors: []int{conflict},
			bind: handleRaw((*Gateway).createWorkflow, true, definitionSchema),
		},
		{
			Method: "POST", Path: prefix + "/workflows/lint", ID: "lintWorkflow", Tag: tag,
			Summary: "Check a definition without storing it",
			Role:    RoleViewer, Tenant: TenantCaller, Body: MaxDefinitionBody, Accepts: definitions,
			bind: handleRaw((*Gateway).lintWorkflow, true, definitionSchema),
		},
		{
			Method: "GET", Path: prefix + "/workflows/schema", ID: "getWorkflowSchema", Tag: tag,
			Summary: "Read the JSON Schema of the language, for editors",
			Doc:     "It is the same for everybody and asks for no key.",
			Role:    RolePublic, Tenant: TenantNone, Rate: RateAddress,
			bind: serve((*Gateway).serveLanguage, "application/schema+json"),
		},
		{
			Method: "POST", Path: prefix + "/workflows/dry-run", ID: "dryRunDefinition", Tag: tag,
			Summary: "Plan a run of a definition that is not stored",
			Doc: "Says per step whether it is reached, what policy decides, who will be asked and which pools serve it, and for " +
				"every step that may fail what would be undone. Nothing is written and nothing is sent.",
			Role: RoleAuthor, Tenant: TenantCaller, Body: MaxDefinitionBody, Accepts: jsonOnly,
			bind: handle((*Gateway).dryRunDefinition),
		},
		{
			Method: "GET", Path: prefix + "/workflows", ID: "listWorkflows", Tag: tag,
			Summary: "List the stored workflows",
			Role:    RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listWorkflows),
		},
		{
			Method: "GET", Path: prefix + "/workflows/{id}", ID: "getWorkflow", Tag: tag,
			Summary: "Read a workflow, the newest version or the one with a digest",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getWorkflow),
		},
		{
			Method: "GET", Path: prefix + "/workflows/{id}/graph", ID: "getWorkflowGraph", Tag: tag,
			Summary: "Read a workflow's graph for drawing",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handleMedia((*Gateway).getGraph, graphMedia),
		},
		{
			Method: "GET", Path: prefix + "/workflows/{id}/diff", ID: "diffWorkflow", Tag: tag,
			Summary: "Compare two versions of a workflow by their meaning",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).diffWorkflow),
		},
	}
}

// startRoutes plan and start runs of stored workflows.
func startRoutes() []Route {
	const tag = "workflows"
	return []Route{
		{
			Method: "POST", Path: prefix + "/workflows/{id}/dry-run", ID: "dryRunWorkflow", Tag: tag,
			Summary: "Plan a run of a stored workflow",
			Doc:     "As for a definition that is not stored. Nothing is written and nothing is sent.",
			Role:    RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Errors: []int{notFound}, bind: handle((*Gateway).dryRunWorkflow),
		},
		{
			Method: "POST", Path: prefix + "/workflows/{id}/runs", ID: "startWorkflow", Tag: tag, Status: 201,
			Summary: "Start a run; the body is its input",
			Role:    RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "run.start", Errors: []int{notFound, conflict},
			bind: handleRaw((*Gateway).startWorkflow, false, inputSchema),
		},
		{
			Method: "GET", Path: prefix + "/workflows/{id}/timeline", ID: "getLatestTimeline", Tag: tag,
			Summary: "Read the timeline of a run, or of a workflow's latest run",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).latestTimeline),
		},
		{
			Method: "POST", Path: prefix + "/workflows/{id}/rerun", ID: "rerunLatest", Tag: tag, Status: 201,
			Summary: "Start again a run, or a workflow's latest run",
			Role:    RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "run.rerun", Errors: []int{notFound, conflict}, bind: handle((*Gateway).rerunLatest),
		},
	}
}

func jobRoutes() []Route {
	const tag = "jobs"
	return []Route{
		{
			Method: "POST", Path: prefix + "/jobs", ID: "submitJob", Tag: tag, Status: 202,
			Summary: "Submit a single job",
			Doc:     "Say what to do as pack and tool, or as a topic. The job is a run of one step.",
			Role:    RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "job.submit", Errors: []int{conflict}, bind: handle((*Gateway).submitJob),
		},
		{
			Method: "GET", Path: prefix + "/jobs", ID: "listJobs", Tag: tag, Summary: "List jobs, newest first",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listJobs),
		},
		{
			Method: "GET", Path: prefix + "/jobs/{id}", ID: "getJob", Tag: tag, Summary: "Read a job",
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getJob),
		},
		{
			Method: "POST", Path: prefix + "/jobs/{id}/cancel", ID: "cancelJob", Tag: tag, Status: 202, Summary: "Cancel a job",
			Role: RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "job.cancel", Errors: []int{notFound, conflict}, bind: handle((*Gateway).cancelJob),
		},
		{
			Method: "DELETE", Path: prefix + "/jobs/{id}", ID: "deleteJob", Tag: tag, Summary: "Delete a job that has ended",
			Doc:  "It is not found any more; what it did stays in the audit log. A job that has not ended is to be cancelled first.",
			Role: RoleOperator, Tenant: TenantCaller, Audit: "job.delete", Errors: []int{notFound, conflict},
			bind: handle((*Gateway).deleteJob),
		},
		{
			Method: "GET", Path: prefix + "/jobs/{id}/decisions", ID: "listJobDecisions", Tag: tag,
			Summary: "List what the policy answered on a job, oldest first",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).jobDecisions),
		},
	}
}

func streamRoutes() []Route {
	const tag = "stream"
	return []Route{
		{
			Method: "GET", Path: prefix + "/stream", ID: "openStream", Tag: tag, Status: http.StatusSwitchingProtocols,
			Summary: "Follow runs live over a WebSocket",
			Doc:     "The messages, outcomes and close codes are described in docs/stream.md.",
			Role:    RoleViewer, Tenant: TenantCaller, Stream: true, KeyProtocol: true,
			bind: serve((*Gateway).serveStream),
		},
		{
			Method: "GET", Path: prefix + "/stream/sse", ID: "openEvents", Tag: tag,
			Summary: "Follow one run, or a workflow's runs, as server-sent events",
			Doc:     "The same feed as the WebSocket's. The id of an event is its seq; resume with Last-Event-ID or after_seq.",
			Role:    RoleViewer, Tenant: TenantCaller, Stream: true, Errors: []int{http.StatusNotFound},
			Params: sseParams(), bind: serve((*Gateway).serveSSE, "text/event-stream"),
		},
	}
}

func systemRoutes() []Route {
	const tag = "system"
	public := func(path, id, summary string, bind binder) Route {
		return Route{
			Method: "GET", Path: path, ID: id, Tag: tag, Summary: summary,
			Role: RolePublic, Tenant: TenantNone, Rate: RateAddress, bind: bind,
		}
	}
	metrics := public("/metrics", "getMetrics", "Metrics in the Prometheus text format", serve((*Gateway).serveMetrics, "text/plain"))
	metrics.Errors = []int{http.StatusForbidden}
	return []Route{
		{
			Method: "GET", Path: prefix + "/status", ID: "getStatus", Tag: tag, Summary: "What this server is and how it does",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).status),
		},
		public(prefix+"/openapi.json", "getOpenAPI", "This description, OpenAPI 3.1", serve((*Gateway).serveSpec31, "application/openapi+json")),
		public(prefix+"/openapi-3.0.json", "getOpenAPI30", "This description, OpenAPI 3.0.3", serve((*Gateway).serveSpec30, "application/openapi+json")),
		public(prefix+"/openapi.yaml", "getOpenAPIYAML", "This description, OpenAPI 3.1, as YAML", serve((*Gateway).serveSpecYAML, "application/openapi+yaml")),
		public("/openapi.yaml", "", "This description, OpenAPI 3.1, as YAML", serve((*Gateway).serveSpecYAML)),
		public("/healthz", "getHealthz", "The process lives", handle((*Gateway).healthz)),
		public("/readyz", "getReadyz", "The server can take work", handle((*Gateway).readyz)),
		public("/health", "getHealth", "The process lives, as plain text", serve((*Gateway).serveHealth, "text/plain")),
		metrics,
		public("/{$}", "", "The user interface", serve((*Gateway).servePage)),
		public("/{file}", "", "A file of the user interface", serve((*Gateway).servePage)),
		public("/assets/{file}", "", "A file of the user interface", serve((*Gateway).servePage)),
	}
}
