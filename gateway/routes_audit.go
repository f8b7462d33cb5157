package gateway

import "net/http"

func auditRoutes() []Route {
	const tag = "audit"
	return append([]Route{
		{
			Method: "GET", Path: prefix + "/audit", ID: "listAudit", Tag: tag, Summary: "List the audit records, newest first",
			Doc: "With order=asc the oldest come first; then every page has a cursor, and what is recorded later comes with it: " +
				"ask again with it to follow.",
			Role: RoleAdmin, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).listAudit),
		},
		{
			Method: "GET", Path: prefix + "/audit/verify", ID: "verifyAudit", Tag: tag,
			Summary: "Check the audit log against the newest signed head",
			Doc: "This is the server's own word, about your tenant's records. What proves something to others is cordum audit " +
				"verify, without a server, with a head that was kept elsewhere.",
			Role: RoleAdmin, Tenant: TenantCaller, bind: handle((*Gateway).verifyAudit),
		},
		{
			Method: "GET", Path: prefix + "/audit/export", ID: "exportAudit", Tag: tag, Summary: "Export the audit log",
			Doc: "Lines of JSON: one that says what follows, then for each chain one that says where it begins and its records in " +
				"order, and a last one with how many there were. Exporting is recorded itself.",
			Role: RoleAdmin, Tenant: TenantCaller, Stream: true, bind: serve((*Gateway).exportAudit, exportMedia),
		},
		{
			Method: "GET", Path: prefix + "/audit/heads", ID: "listAuditHeads", Tag: tag, Summary: "List the signed heads, newest first",
			Doc: "A head says where every chain stood. Keep one elsewhere: changes of what it covers are found with it. Of other " +
				"tenants' chains it shows only digests.",
			Role: RoleAdmin, Tenant: TenantCaller, bind: handle((*Gateway).listAuditHeads),
		},
		{
			Method: "POST", Path: prefix + "/audit/heads", ID: "takeAuditHead", Tag: tag, Status: http.StatusCreated,
			Summary: "Take a signed head now",
			Role:    RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "audit.head", bind: handle((*Gateway).takeAuditHead),
		},
		{
			Method: "GET", Path: prefix + "/runs/{id}/evidence", ID: "getEvidence", Tag: tag,
			Summary: "Read what a run did and was allowed, with proof",
			Doc: "The definition, the decisions, approvals and effects, the audit records with their way to a signed head, and a " +
				"signature. It is checked without a server: cordum evidence verify.",
			Role: RoleAdmin, Tenant: TenantCaller, Errors: []int{notFound, conflict}, bind: handle((*Gateway).getEvidence),
		},
	}, legalHoldRoutes()...)
}

func legalHoldRoutes() []Route {
	const tag = "audit"
	return []Route{
		{
			Method: "GET", Path: prefix + "/audit/holds", ID: "listLegalHolds", Tag: tag, Summary: "List the legal holds",
			Role: RoleAdmin, Tenant: TenantCaller, bind: handle((*Gateway).listLegalHolds),
		},
		{
			Method: "POST", Path: prefix + "/audit/holds", ID: "setLegalHold", Tag: tag, Status: http.StatusCreated,
			Summary: "Keep audit records from being removed",
			Doc:     "Those of one run, or all of the tenant. When the answer comes, retention removes none of them any more.",
			Role:    RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "audit.hold", Errors: []int{notFound}, bind: handle((*Gateway).setLegalHold),
		},
		{
			Method: "POST", Path: prefix + "/audit/holds/{id}/lift", ID: "liftLegalHold", Tag: tag, Summary: "Lift a legal hold",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "audit.hold", Errors: []int{notFound, conflict}, bind: handle((*Gateway).liftLegalHold),
		},
	}
}
