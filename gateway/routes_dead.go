package gateway

import "net/http"

func deadRoutes() []Route {
	const tag = "dead letters"
	read := func(path, id, summary string, bind binder) Route {
		return Route{Method: "GET", Path: prefix + "/dlq" + path, ID: id, Tag: tag, Summary: summary, Role: RoleViewer, Tenant: TenantCaller, bind: bind}
	}
	one := func(r Route) Route {
		r.Errors = []int{notFound}
		return r
	}
	change := func(path, id, summary, audit string, bind binder) Route {
		return Route{
			Method: "POST", Path: prefix + "/dlq" + path, ID: id, Tag: tag, Summary: summary, Role: RoleOperator, Tenant: TenantCaller,
			Body: MaxBody, Accepts: jsonOnly, Audit: audit, Errors: []int{notFound, conflict}, bind: bind,
		}
	}
	retry := change("/{id}/retry", "retryDeadLetter", "Do a dead job again within its run", "dlq.retry", handle((*Gateway).retryDead))
	retry.Doc = "A failed run is tried again as a whole: its other dead jobs go with it and are named. 409 says what to do where that cannot be."
	purge := change("/purge", "purgeDeadLetters", "Delete the dead letters that fit", "dlq.purge", handle((*Gateway).purgeDead))
	purge.Doc = "At most 10,000 in one call, the oldest first. With dry_run they are only counted."
	redrive := change("/redrive", "redriveDeadLetters", "Retry the dead letters that fit, in the background and at a rate", "dlq.redrive", handle((*Gateway).startRedrive))
	redrive.Status = http.StatusAccepted
	redrive.Doc = "With dry_run they are only counted. A tenant has one redrive at a time; a server that starts again goes on with it."
	stop := change("/redrive/{id}/stop", "stopRedrive", "Stop a redrive", "dlq.redrive.stop", handle((*Gateway).stopRedrive))
	list := read("", "listDeadLetters", "List jobs that ended badly, newest first", handle((*Gateway).listDead))
	list.Doc = "The same under /dlq/list and /dlq/page."
	return []Route{
		list,
		read("/list", "", "The same as /dlq", handle((*Gateway).listDead)),
		read("/page", "", "The same as /dlq", handle((*Gateway).listDead)),
		read("/groups", "listDeadLetterGroups", "Group dead letters of the same kind, the largest group first", handle((*Gateway).groupDead)),
		read("/redrive", "listRedrives", "List redrives, newest first", handle((*Gateway).listRedrives)),
		one(read("/redrive/{id}", "getRedrive", "Read how far a redrive is", handle((*Gateway).getRedrive))),
		one(read("/{id}", "getDeadLetter", "Read a dead letter with every field of its job", handle((*Gateway).getDead))),
		retry, purge, redrive, stop,
		{
			Method: "DELETE", Path: prefix + "/dlq/{id}", ID: "deleteDeadLetter", Tag: tag, Status: http.StatusNoContent,
			Summary: "Delete a dead letter",
			Doc:     "The run stays as it is. A job that dies once more has an entry again.",
			Role:    RoleOperator, Tenant: TenantCaller, Audit: "dlq.delete", Errors: []int{notFound}, bind: handle((*Gateway).deleteDead),
		},
	}
}
