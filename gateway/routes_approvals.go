package gateway

import "net/http"

func approvalRoutes() []Route {
	const tag = "approvals"
	change := func(path, id, summary, audit string, bind binder) Route {
		return Route{
			Method: "POST", Path: prefix + "/approvals/{id}/" + path, ID: id, Tag: tag, Summary: summary,
			Role: RoleApprover, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: audit, Errors: []int{notFound, conflict, http.StatusGone}, bind: bind,
		}
	}
	decide := func(path, id, summary string, bind binder) Route {
		return change(path, id, summary, "approval.decide", bind)
	}
	edit := change("edit", "editApproval", "Give a job that waits for its approval another input", "approval.edit", handle((*Gateway).editApproval))
	edit.Doc = "It is evaluated and asked again; earlier answers are void, and who edits counts as one who asked."
	delegate := change("delegate", "delegateApproval", "Let somebody else answer in your place", "approval.delegate", handle((*Gateway).delegateApproval))
	link := change("links", "linkApproval", "Make a link with which one person can answer without a key", "approval.link", handle((*Gateway).linkApproval))
	link.Role, link.Status = RoleAdmin, http.StatusCreated
	link.Doc = "Whoever has the link answers as the person it names, once, with the roles that the server's configuration gives them: " +
		"send it to nobody else. Opening it shows what is asked; only the form on its page decides."
	return append([]Route{
		{
			Method: "GET", Path: prefix + "/approvals", ID: "listApprovals", Tag: tag, Summary: "List approvals, waiting ones first",
			Doc:  "Those that you may decide, asked for, or administer.",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listApprovals),
		},
		{
			Method: "GET", Path: prefix + "/approvals/{id}", ID: "getApproval", Tag: tag, Summary: "Read an approval",
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getApproval),
		},
		{
			Method: "GET", Path: prefix + "/approvals/{id}/deliveries", ID: "listDeliveries", Tag: tag,
			Summary: "Read whom an approval was told to, and what became of it",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).listDeliveries),
		},
		decide("decide", "decideApproval", "Approve, deny or send back", handle((*Gateway).decideApproval)),
		decide("approve", "approveApproval", "Approve", handle((*Gateway).approveApproval)),
		decide("reject", "rejectApproval", "Deny", handle((*Gateway).rejectApproval)),
		edit, delegate, link,
	}, linkRoutes()...)
}

// linkRoutes are the pages behind approval links. The link is the credential: no key is asked for.
func linkRoutes() []Route {
	const tag = "approvals"
	return []Route{
		{
			Method: "GET", Path: linkPath + "{link}", Tag: tag, Summary: "Show what a link asks",
			Role: RolePublic, Tenant: TenantNone, Rate: RateAddress, bind: serve((*Gateway).serveLink),
		},
		{
			Method: "POST", Path: linkPath + "{link}", Tag: tag, Summary: "Answer what a link asks",
			Role: RolePublic, Tenant: TenantNone, Rate: RateAddress, Body: MaxLinkForm, Accepts: formOnly,
			Audit: "approval.decide", bind: serve((*Gateway).answerLink),
		},
	}
}
