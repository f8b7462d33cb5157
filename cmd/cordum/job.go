package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/scheduler"
)

func newJob(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:     "job",
		Short:   "Submit and watch single jobs",
		Long:    "A job is work for a worker. One that is submitted alone is a run of one step, kept out of the list of runs.",
		Example: "  cordum job submit --pack db.postgres --tool backup --wait\n  cordum job list --state failed\n  cordum job logs 07….job~0",
	})
	cmd.AddCommand(newJobSubmit(a), newJobGet(a), newJobLogs(a), newJobList(a), newJobCancel(a), newJobDelete(a), newJobDecisions(a))
	return cmd
}

// jobView is how a job looks.
var jobView = view[runner.JobView]{
	name:   func(j runner.JobView) string { return j.ID },
	header: []string{"JOB", "TOPIC", "STATE", "ATTEMPT", "WORKER", "CREATED", "TOOK"},
	row: func(_ *printer, j runner.JobView) []cell {
		now := time.Now()
		return []cell{
			text(j.ID), text(j.Topic), state(j.State), text(strconv.Itoa(j.Attempt)), text(j.Worker), text(ago(j.CreatedAt, now)),
			text(span(j.CreatedAt, j.EndedAt, now)),
		}
	},
	detail: func(p *printer, j runner.JobView) {
		now := time.Now()
		p.fact("job", text(j.ID))
		p.fact("topic", text(j.Topic))
		p.fact("state", state(j.State))
		p.fact("attempt", text(strconv.Itoa(j.Attempt)))
		p.fact("worker", text(j.Worker))
		if name, why := placed(j.Placement); why != "" {
			p.fact(name, text(why))
		}
		p.fact("run", text(j.RunID))
		p.fact("workflow", text(j.Workflow))
		p.fact("created", text(ago(j.CreatedAt, now)))
		p.fact("took", text(span(j.CreatedAt, j.EndedAt, now)))
		if j.Error != nil {
			p.fact("error", cell{j.Error.Code + ": " + j.Error.Message, bad})
		}
		if len(j.Output) > 0 {
			p.fact("output", text(string(j.Output)))
		}
	},
}

// placed says what a job waits for, or why its worker got it, below the name of the fact; nothing when there is neither.
func placed(v *runner.PlacementView) (name, why string) {
	switch {
	case v == nil || v.Why == "":
		return "", ""
	case v.Reason == scheduler.WhyGranted:
		return "chosen as", v.Why
	}
	return "waits", v.Reason + ": " + v.Why
}

// acceptedView prints the bare id of a submitted job.
var acceptedView = view[gateway.JobAccepted]{
	name:   func(j gateway.JobAccepted) string { return j.ID },
	detail: func(p *printer, j gateway.JobAccepted) { _ = p.line(j.ID) }, // kept in p.err
}

func newJobSubmit(a *app) *cobra.Command {
	var body gateway.JobSubmit
	var input, lock string
	var labelled []string
	var wait bool
	cmd := &cobra.Command{
		Use:   "submit --pack PACK --tool TOOL | --topic TOPIC",
		Short: "Submit a single job",
		Long: "Submits one job, by pack and tool or by topic, and prints its id. With --wait it waits for the result, prints the job\n" +
			"and exits as a run would.",
		Example: "  cordum job submit --pack db.postgres --tool backup --input '{\"db\": \"orders\"}' --wait\n  cordum job submit --topic job.demo.echo --input @input.json\n" +
			"  cordum job submit --pack infra.kubectl --tool apply --requires kubectl --lock cluster:production",
		Args: wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if body.Input, err = a.jsonValue("input", input); err != nil {
				return err
			}
			if body.Labels, err = labels(labelled); err != nil {
				return err
			}
			if lock != "" {
				body.ResourceLock, _ = json.Marshal(lock) // a string always encodes
			}
			var accepted doc[gateway.JobAccepted]
			if err := c.post(cmd.Context(), "jobs", body, &accepted); err != nil {
				return err
			}
			if wait {
				return awaitJob(cmd.Context(), a, c, accepted.V.JobView)
			}
			return showOne(a, acceptedView, accepted)
		},
	}
	f := cmd.Flags()
	f.StringVar(&body.Pack, "pack", "", "with --tool: whose tool")
	f.StringVar(&body.Tool, "tool", "", "with --pack: which tool")
	f.StringVar(&body.Topic, "topic", "", "instead of pack and tool")
	f.StringVar(&input, "input", "", "the tool's input: JSON, @FILE, or - for stdin")
	f.StringArrayVar(&labelled, "label", nil, "NAME=VALUE; may be given several times")
	f.StringSliceVar(&body.Requires, "requires", nil, "capabilities the worker must have")
	f.StringVar(&body.PreferredWorkerID, "preferred-worker", "", "give it to this worker if it can take it")
	f.StringVar(&body.PreferredPool, "preferred-pool", "", "give it to this pool if one of its workers can take it")
	f.StringVar(&lock, "lock", "", "name of the lock that it holds while it runs")
	f.StringVar(&body.Priority, "priority", "", "batch, interactive or critical")
	f.IntVar(&body.MaxAttempts, "max-attempts", 0, "attempts in all (default 1)")
	f.IntVar(&body.TimeoutSec, "timeout-sec", 0, "seconds one attempt may take (default none)")
	f.BoolVar(&wait, "wait", false, "wait for the result")
	return cmd
}

// longPoll is how long one question for news may stay open.
const longPoll = "30s"

// lastLook is how long one may ask where a job is after its time was up.
const lastLook = 2 * time.Second

// awaitJob waits for the run that a job is, then shows the job. One that is not over in time is told with what it waits for.
func awaitJob(ctx context.Context, a *app, c *client, job runner.JobView) error {
	var run runner.RunView
	for {
		query := map[string][]string{"wait": {longPoll}, "since": {strconv.FormatUint(run.Seq, 10)}}
		if err := c.get(ctx, pathTo("runs", job.RunID), query, &run); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				tellUnfinished(ctx, a, c, job.ID)
			}
			return err
		}
		if run.State == "faulted" || run.EndedAt != nil {
			break
		}
	}
	var last doc[runner.JobView]
	if err := c.get(ctx, pathTo("jobs", job.ID), nil, &last); err != nil {
		return err
	}
	if err := showOne(a, jobView, last); err != nil {
		return err
	}
	return silent(runExit(&run))
}

// tellUnfinished says where a job is that was waited for in vain; ctx has ended.
func tellUnfinished(ctx context.Context, a *app, c *client, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	var job runner.JobView
	if err := c.get(ctx, pathTo("jobs", id), nil, &job); err != nil {
		fmt.Fprintf(a.errOut, "job %s is not over\n", id)
		return
	}
	line := fmt.Sprintf("job %s is %s", id, job.State)
	if _, why := placed(job.Placement); why != "" {
		line += ": " + why
	}
	fmt.Fprintln(a.errOut, line)
}

func newJobGet(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "get JOB",
		Aliases: []string{"show", "status"},
		Short:   "Show a job",
		Long:    "Shows a job: its state, its worker, its result.",
		Example: "  cordum job get 07….job~0 -o json",
		Args:    wantArgs("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("jobs", args[0]), nil, jobView)
		},
	}
}

func newJobList(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List jobs, newest first",
		Long:    "Lists jobs that were submitted alone, newest first. The jobs of a workflow's steps are in its run: cordum run get RUN.",
		Example: "  cordum job list --state failed",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listFull(cmd.Context(), a, "jobs", f.query(), jobView)
		},
	}
	f.add(cmd, []string{"pending", "approval_required", "scheduled", "dispatched", "running", "succeeded", "failed", "cancelled", "timeout", "denied"})
	return cmd
}

func newJobCancel(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "cancel JOB",
		Short:   "Cancel a job",
		Long:    "Cancels a job; a worker that has it is told to stop. On a terminal it asks for confirmation unless --yes is given.",
		Example: "  cordum job cancel 07….job~0 --yes",
		Args:    wantArgs("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if ok, err := a.confirm(cmd.Context(), fmt.Sprintf("Cancel job %s?", args[0])); !ok {
				return err
			}
			row := view[runner.JobView]{name: jobView.name, header: jobView.header, row: jobView.row}
			return send(cmd.Context(), a, pathTo("jobs", args[0], "cancel"), gateway.Reason{Reason: a.flags.reason}, row)
		},
	}
}
