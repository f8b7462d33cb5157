package gateway

import "net/http"

func runRoutes() []Route {
	const tag = "runs"
	return []Route{
		{
			Method: "POST", Path: prefix + "/runs", ID: "startRun", Tag: tag, Status: 201,
			Summary: "Start a run of a stored workflow",
			Role:    RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "run.start", Errors: []int{notFound, conflict}, bind: handle((*Gateway).startRun),
		},
		{
			Method: "GET", Path: prefix + "/runs", ID: "listRuns", Tag: tag, Summary: "List runs, newest first",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listRuns),
		},
		{
			Method: "GET", Path: prefix + "/runs/{id}", ID: "getRun", Tag: tag,
			Summary: "Read a run, or wait until it changes",
			Doc:     "With wait, the answer comes when the run has a fact newer than since, is settled, or the time is over.",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getRun),
		},
		{
			Method: "GET", Path: prefix + "/runs/{id}/timeline", ID: "getTimeline", Tag: tag,
			Summary: "Read a run's facts in order",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).timeline),
		},
		{
			Method: "GET", Path: prefix + "/runs/{id}/explain", ID: "explainRun", Tag: tag,
			Summary: "Say in words why a run stands where it does",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).explainRun),
		},
		{
			Method: "GET", Path: prefix + "/runs/{id}/steps/{step}/explain", ID: "explainStep", Tag: tag,
			Summary: "Say in words why a step was skipped, waits, was tried again or is held",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).explainStep),
		},
		{
			Method: "GET", Path: prefix + "/runs/{id}/steps/{step}/iterations", ID: "listIterations", Tag: tag,
			Summary: "List the iterations of a fan-out, by item",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).listIterations),
		},
		{
			Method: "POST", Path: prefix + "/runs/{id}/rollback-plan", ID: "planRollback", Tag: tag,
			Summary: "Say what would be undone if a run were cancelled with rollback now",
			Doc:     "Nothing is written and nothing is sent. The run may go on meanwhile: what is undone in the end may be more.",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).planRollback),
		},
		{
			Method: "GET", Path: prefix + "/workflow-runs/{id}", ID: "getWorkflowRun", Tag: tag,
			Summary: "Read a run with its steps as a map by id",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).getWorkflowRun),
		},
		{
			Method: "GET", Path: prefix + "/workflow-runs/{id}/timeline", ID: "getWorkflowRunTimeline", Tag: tag,
			Summary: "Read a run's facts in order",
			Role:    RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).timeline),
		},
	}
}

// controlRoutes are what people do to runs.
func controlRoutes() []Route {
	const tag = "runs"
	verb := func(path, id, summary, audit string, bind binder) Route {
		return Route{
			Method: "POST", Path: prefix + "/runs/{id}/" + path, ID: id, Tag: tag, Status: 202, Summary: summary,
			Role: RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: audit, Errors: []int{notFound, conflict}, bind: bind,
		}
	}
	rerun := verb("rerun", "rerunRun", "Start a run again with the same definition, input and context", "run.rerun", handle((*Gateway).rerunRun))
	rerun.Status = http.StatusCreated
	publicRerun := rerun
	publicRerun.Path, publicRerun.ID = prefix+"/workflow-runs/{id}/rerun", "rerunWorkflowRun"
	fork := verb("fork", "forkRun", "Start a run from a step of another one", "run.fork", handle((*Gateway).forkRun))
	fork.Status = http.StatusCreated
	fork.Doc = "What is neither the step nor behind it is reused, with its outputs or others. With preview nothing is started, and the answer is 200."
	rollback := verb("rollback", "rollbackRun", "Undo what a run did", "run.rollback", handle((*Gateway).rollbackRun))
	rollback.Doc = "A run that is under way is cancelled first. With to, only what came after a checkpoint is undone, and the run goes on from there."
	return append([]Route{
		verb("pause", "pauseRun", "Start nothing new in a run", "run.pause", handle((*Gateway).pauseRun)),
		verb("resume", "resumeRun", "Go on with a paused or faulted run", "run.resume", handle((*Gateway).resumeRun)),
		verb("cancel", "cancelRun", "Cancel a run and what it has under way", "run.cancel", handle((*Gateway).cancelRun)),
		rollback,
		verb("retry", "retryRun", "Do again what is bad in a failed run", "run.retry", handle((*Gateway).retryRun)),
		verb("signal", "signalRun", "Send a run a signal", "run.signal", handle((*Gateway).signalRun)),
		rerun, publicRerun, fork,
		{
			Method: "POST", Path: prefix + "/batches", ID: "runBatch", Tag: tag,
			Summary: "Cancel, pause, resume, retry or roll back all runs that a filter names",
			Doc: "At most 1,000 runs a call, newest first; cursor leads to the rest. Of the runs that fit the filter, those whose " +
				"state does not take the action are left out. Each run takes the command by itself: failed names those that did " +
				"not. With dry_run the runs are only counted.",
			Role: RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "run.batch", bind: handle((*Gateway).runBatch),
		},
	}, compensationRoutes()...)
}

func compensationRoutes() []Route {
	const tag = "compensations"
	word := func(action, id, summary string, bind binder) Route {
		return Route{
			Method: "POST", Path: prefix + "/runs/{id}/compensations/{step}/" + action, ID: id, Tag: tag, Status: 202, Summary: summary,
			Role: RoleOperator, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "compensation." + action, Errors: []int{notFound, conflict}, bind: bind,
		}
	}
	return []Route{
		{
			Method: "GET", Path: prefix + "/compensations", ID: "listCompensations", Tag: tag,
			Summary: "List the compensations that wait for a person",
			Role:    RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listCompensations),
		},
		word("retry", "retryCompensation", "Try a held compensation again", handle((*Gateway).retryCompensation)),
		word("skip", "skipCompensation", "Leave what a held compensation would undo; a reason is needed", handle((*Gateway).skipCompensation)),
		word("done", "markCompensationDone", "Say that it was undone by hand; a reason is needed", handle((*Gateway).markCompensationDone)),
	}
}
