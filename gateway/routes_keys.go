package gateway

func keyRoutes() []Route {
	const tag = "keys"
	return []Route{
		{
			Method: "POST", Path: prefix + "/keys", ID: "createKey", Tag: tag, Status: 201,
			Summary: "Make an API key",
			Doc: "The key is in this answer and nowhere else: the server keeps its SHA-256 only. With an Idempotency-Key a second call " +
				"makes no second key, and is a conflict, as the first one's text is not known any more.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "key.create", Errors: []int{conflict}, bind: handle((*Gateway).createKey),
		},
		{
			Method: "GET", Path: prefix + "/keys", ID: "listKeys", Tag: tag, Summary: "List the API keys of a tenant",
			Role: RoleAdmin, Tenant: TenantCaller, bind: handle((*Gateway).listKeys),
		},
		{
			Method: "GET", Path: prefix + "/keys/{id}", ID: "getKey", Tag: tag, Summary: "Read what an API key is good for",
			Role: RoleAdmin, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getKey),
		},
		{
			Method: "POST", Path: prefix + "/keys/{id}/revoke", ID: "revokeKey", Tag: tag, Summary: "Make an API key worthless",
			Doc:  "A second time changes nothing. Live streams that it opened end within half a minute.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "key.revoke", Errors: []int{notFound, conflict}, bind: handle((*Gateway).revokeKey),
		},
	}
}
