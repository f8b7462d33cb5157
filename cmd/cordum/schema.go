package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

func newSchema(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "schema",
		Short: "Register JSON Schemas",
		Long: "Topics and steps name registered schemas by their id. A schema that is put again under its id is another version; runs that\n" +
			"have begun keep the one they began with.",
		Example: "  cordum schema put order order.schema.json\n  cordum schema list\n  cordum schema get order",
	})
	cmd.AddCommand(newSchemaPut(a), newSchemaGet(a), newSchemaList(a), newSchemaDelete(a))
	return cmd
}

// schemaView is how a registered schema looks.
var schemaView = view[runner.SchemaView]{
	name:   func(s runner.SchemaView) string { return s.ID },
	header: []string{"SCHEMA", "VERSION", "VERSIONS", "CREATED", "DESCRIPTION"},
	row: func(_ *printer, s runner.SchemaView) []cell {
		return []cell{
			text(s.ID), text(shortHex(s.Digest)), text(strconv.Itoa(len(s.Versions))), text(ago(s.CreatedAt, time.Now())), text(clipText(s.Description, 80)),
		}
	},
	detail: func(p *printer, s runner.SchemaView) {
		p.fact("schema", text(s.ID))
		p.fact("version", text(s.Digest))
		p.fact("description", text(s.Description))
		p.fact("created", text(ago(s.CreatedAt, time.Now())+" by "+s.CreatedBy))
		p.fact("topics", text(strings.Join(s.Topics, ", ")))
		p.fact("content", text(string(s.Schema)))
	},
}

func shortHex(digest string) string { return digest[:min(len(digest), 12)] }

func newSchemaPut(a *app) *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:     "put SCHEMA FILE",
		Short:   "Register a JSON Schema, or another version of it",
		Long:    "Registers a JSON Schema (2020-12, in JSON or YAML) under an id. It refers to nothing outside itself. The same schema again\nchanges nothing. FILE - is the standard input.",
		Example: "  cordum schema put order order.schema.json\n  cordum schema put order - < order.yaml",
		Args:    wantArgs("SCHEMA", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := a.readFile(args[1])
			if err != nil {
				return usagef("%w", err)
			}
			query := url.Values{}
			if description != "" {
				query.Set("description", description)
			}
			return call(cmd.Context(), a, request{
				method: http.MethodPut, path: pathTo("schemas", args[0]), query: query, body: raw, contentType: "application/yaml",
			}, schemaView)
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

func newSchemaGet(a *app) *cobra.Command {
	var digest string
	cmd := &cobra.Command{
		Use:     "get SCHEMA",
		Aliases: []string{"show"},
		Short:   "Show a registered schema",
		Long:    "Shows a registered schema: its newest version, or the one with a digest, and the topics that name it.",
		Example: "  cordum schema get order\n  cordum schema get order -o json",
		Args:    wantArgs("SCHEMA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{}
			if digest != "" {
				query.Set("digest", digest)
			}
			return read(cmd.Context(), a, pathTo("schemas", args[0]), query, schemaView)
		},
	}
	cmd.Flags().StringVar(&digest, "digest", "", "a version (default the newest)")
	return cmd
}

func newSchemaList(a *app) *cobra.Command {
	return registeredList(a, "schemas", "List the registered schemas", "Lists the registered schemas with their newest versions.", "cordum schema list", schemaView)
}

func newSchemaDelete(a *app) *cobra.Command {
	return registeredDelete(a, "schemas", "SCHEMA", "Forget a schema", "Forgets a schema that no topic and no workflow's newest version names. Runs that began with it go on with it.", "cordum schema delete order")
}
