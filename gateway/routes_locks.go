package gateway

func lockRoutes() []Route {
	const tag = "locks"
	return []Route{
		{
			Method: "GET", Path: prefix + "/locks", ID: "listLocks", Tag: tag, Summary: "List the resource locks that somebody holds or waits for",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listLocks),
		},
		{
			Method: "GET", Path: prefix + "/locks/{name}", ID: "getLock", Tag: tag, Summary: "Read who holds a resource lock, and who waits for it",
			Doc:  "A lock that nobody holds is free; there is no list of those that ever were.",
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getLock),
		},
		{
			Method: "POST", Path: prefix + "/locks/acquire", ID: "acquireLock", Tag: tag, Summary: "Hold a resource lock for a while",
			Doc: "Jobs and others outside that need it wait meanwhile. Renew it before ttl_sec is over, or it lets go by itself. Asking again " +
				"as the same owner answers the same grant, held for another ttl_sec. Give fencing_token to what guards the resource.",
			Role: RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "lock.acquire", Errors: []int{conflict}, bind: handle((*Gateway).acquireLock),
		},
		{
			Method: "POST", Path: prefix + "/locks/renew", ID: "renewLock", Tag: tag, Summary: "Hold a resource lock for longer",
			Role: RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "lock.renew", Errors: []int{conflict}, bind: handle((*Gateway).renewLock),
		},
		{
			Method: "POST", Path: prefix + "/locks/release", ID: "releaseLock", Tag: tag, Summary: "Let a resource lock go",
			Doc: "With force it is taken from whoever holds it, a job too, which goes on and does not know: only its fencing token keeps it " +
				"off the resource. That is for admins, with a reason.",
			Role: RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "lock.release", Errors: []int{conflict}, bind: handle((*Gateway).releaseLock),
		},
	}
}
