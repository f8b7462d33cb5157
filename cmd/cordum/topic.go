package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newTopic(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "topic",
		Short: "Register topics",
		Long: "A registered topic says which pool serves it and which schemas the inputs and outputs of its jobs fit. Whether that is enforced\n" +
			"is a setting of the server: SCHEMA_ENFORCEMENT.",
		Example: "  cordum topic create job.orders.ship --input-schema order --pool shippers\n  cordum topic list",
	})
	cmd.AddCommand(newTopicList(a), newTopicShow(a), newTopicCreate(a), newTopicDelete(a), newFleetConfig(a, runner.TimeoutsDoc))
	return cmd
}

// topicView is how a registered topic looks.
var topicView = view[runner.TopicView]{
	name:   func(t runner.TopicView) string { return t.Name },
	header: []string{"TOPIC", "POOL", "INPUT", "OUTPUT", "CREATED", "DESCRIPTION"},
	row: func(_ *printer, t runner.TopicView) []cell {
		return []cell{
			text(t.Name), text(t.Pool), text(t.InputSchema), text(t.OutputSchema), text(ago(t.CreatedAt, time.Now())), text(clipText(t.Description, 80)),
		}
	},
	detail: func(p *printer, t runner.TopicView) {
		now := time.Now()
		p.fact("topic", text(t.Name))
		p.fact("description", text(t.Description))
		p.fact("pool", text(t.Pool))
		p.fact("input", text(t.InputSchema))
		p.fact("output", text(t.OutputSchema))
		if t.MaxInputBytes > 0 {
			p.fact("largest input", text(strconv.Itoa(t.MaxInputBytes)+" bytes"))
		}
		p.fact("created", text(ago(t.CreatedAt, now)+" by "+t.CreatedBy))
		if t.UpdatedAt != nil {
			p.fact("updated", text(ago(*t.UpdatedAt, now)+" by "+t.UpdatedBy))
		}
	},
}

func newTopicList(a *app) *cobra.Command {
	return registeredList(a, "topics", "List the registered topics", "Lists the registered topics, each with its pool and schemas.", "cordum topic list", topicView)
}

func newTopicShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show TOPIC",
		Aliases: []string{"get"},
		Short:   "Show a registered topic",
		Long:    "Shows what is said of a registered topic.",
		Example: "  cordum topic show job.orders.ship",
		Args:    wantArgs("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("topics", args[0]), nil, topicView)
		},
	}
}

func newTopicCreate(a *app) *cobra.Command {
	var body gateway.TopicPut
	var replace bool
	cmd := &cobra.Command{
		Use:   "create TOPIC",
		Short: "Register a topic",
		Long: "Registers a topic. The schemas must be registered before (cordum schema put). A pool is a mapping as in pools.yaml; where that\n" +
			"file, or the document over it, says something else of the topic, that counts. --replace replaces all that is said of one.",
		Example: "  cordum topic create job.orders.ship --input-schema order --output-schema receipt --pool shippers",
		Args:    wantArgs("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if replace {
				return call(cmd.Context(), a, request{method: http.MethodPut, path: pathTo("topics", args[0]), body: body}, topicView)
			}
			return send(cmd.Context(), a, "topics", gateway.TopicCreate{Name: args[0], TopicPut: body}, topicView)
		},
	}
	f := cmd.Flags()
	f.StringVar(&body.Pool, "pool", "", "the pool whose workers serve it")
	f.StringVar(&body.InputSchema, "input-schema", "", "id of the schema that inputs fit")
	f.StringVar(&body.OutputSchema, "output-schema", "", "id of the schema that outputs fit")
	f.IntVar(&body.MaxInputBytes, "max-input-bytes", 0, "the largest input (default: what every input may have)")
	f.StringVar(&body.Description, "description", "", "what it is for")
	f.BoolVar(&replace, "replace", false, "replace what is said of it, if it is registered already")
	return cmd
}

func newTopicDelete(a *app) *cobra.Command {
	return registeredDelete(a, "topics", "TOPIC", "Forget a topic", "Forgets a registered topic. Its jobs go on; where topics must be registered, no more begin.", "cordum topic delete job.orders.ship")
}

// call makes one call and prints the answer.
func call[T any](ctx context.Context, a *app, r request, v view[T]) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var d doc[T]
	if err := c.do(ctx, r, &d); err != nil {
		return err
	}
	return showOne(a, v, d)
}

// registeredList lists what is registered.
func registeredList[T any](a *app, path, short, long, example string, v view[T]) *cobra.Command {
	var cursor string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   short,
		Long:    long,
		Example: "  " + example + "\n  " + example + " -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			if limit != 0 {
				query.Set("limit", strconv.Itoa(limit))
			}
			return list(cmd.Context(), a, path, query, v)
		},
	}
	cmd.Flags().StringVar(&cursor, "cursor", "", "continue behind this page")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many (default 50)")
	return cmd
}

// registeredDelete forgets one thing that is registered.
func registeredDelete(a *app, path, what, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use:     "delete " + what,
		Short:   short,
		Long:    long,
		Example: "  " + example,
		Args:    wantArgs(what),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return c.do(cmd.Context(), request{method: http.MethodDelete, path: pathTo(path, args[0])}, nil)
		},
	}
}
