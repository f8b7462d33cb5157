package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

func newRunTimeline(a *app) *cobra.Command {
	var after uint64
	cmd := &cobra.Command{
		Use:     "timeline RUN",
		Short:   "Print what happened in a run, in order",
		Long:    "Prints the events of a run in order: one line each, or with -o jsonl one object each. Order is seq, never time.",
		Example: "  cordum run timeline 07…\n  cordum run timeline 07… -o jsonl --after 40",
		Args:    wantArgs("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p := a.printer()
			var all []doc[runner.Event]
			for {
				var part struct {
					Items     []doc[runner.Event] `json:"items"`
					NextAfter uint64              `json:"next_after"`
				}
				query := url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {"1000"}}
				if err := c.get(cmd.Context(), pathTo("runs", args[0], "timeline"), query, &part); err != nil {
					return err
				}
				all = append(all, part.Items...)
				if part.NextAfter <= after {
					break
				}
				after = part.NextAfter
			}
			return a.showEvents(p, all)
		},
	}
	cmd.Flags().Uint64Var(&after, "after", 0, "only events behind this seq")
	return cmd
}

func (a *app) showEvents(p *printer, events []doc[runner.Event]) error {
	switch a.flags.output {
	case "table":
		for _, e := range events {
			_ = p.line(eventLine(p, e.V)) // kept in p.err
		}
	case "name":
		for _, e := range events {
			_ = p.line(strconv.FormatUint(e.V.Seq, 10)) // as above
		}
	case "jsonl":
		for _, e := range events {
			if err := a.encode(p, e); err != nil {
				return err
			}
		}
	default:
		if events == nil {
			events = []doc[runner.Event]{}
		}
		return a.encode(p, page[runner.Event]{Items: events})
	}
	return p.err
}

const (
	eventTime  = "15:04:05.000"
	maxDetail  = 120 // characters of one detail in a line
	subjectCol = 22
	verbCol    = 12
)

// eventLine is one event as a line: when, of what, what, details.
func eventLine(p *printer, e runner.Event) string {
	subject, verb := eventWords(e)
	parts := []string{
		p.paint(e.At.Local().Format(eventTime), soft),
		fmt.Sprintf("%-*s", subjectCol, subject),
		p.paint(fmt.Sprintf("%-*s", verbCol, verb), toneOf(lastWord(e.Type))),
	}
	parts = append(parts, eventDetails(e)...)
	return strings.TrimRight(strings.Join(parts, columnGap), " ")
}

// eventWords takes "step_started" of step b apart into "step b" and "started".
func eventWords(e runner.Event) (subject, verb string) {
	if subject, verb = undoWords(e); subject != "" {
		return subject, verb
	}
	noun, rest, ok := strings.Cut(e.Type, "_")
	if !ok {
		noun, rest = "run", e.Type
	}
	verb = strings.ReplaceAll(rest, "_", " ")
	if waits, said := e.Data["waiting"].(bool); said && !waits {
		verb = "goes on"
	}
	if e.Step == "" {
		return noun, verb
	}
	return noun + " " + oneLine(e.Step), verb
}

func lastWord(eventType string) string {
	if _, rest, ok := strings.Cut(eventType, "_"); ok {
		return rest
	}
	return eventType
}

// firstDetails come first, in this order; the rest follow by name.
var firstDetails = []string{"attempt", "worker_id", "percent", "state", "reason", "code", "message", "title"}

// hiddenDetails are for machines: long, or said elsewhere in the line.
var hiddenDetails = map[string]bool{
	"input": true, "context": true, "output": true, "hash": true, "snapshot": true, "digest": true, "token": true,
	"by": true, "decision": true, "requested_by": true, "job_hash": true, "topic": true, "send": true, "waiting": true,
}

// reasonless are the endings of types whose reason is only that of the input that caused them: said where it came in.
var reasonless = []string{"_started", "_waiting", "_succeeded", "_requested", "_approved", "_released", "_decided", "_voted"}

// personal are the beginnings of types that somebody did; of all others the actor is only who caused them.
var personal = []string{"run_", "approval_", "compensation_started", "undo_retried", "undo_settled"}

func ofType(e runner.Event, parts []string, has func(s, part string) bool) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return has(e.Type, part) })
}

func eventDetails(e runner.Event) []string {
	var names []string
	for name := range e.Data {
		if name == "rules" && fmt.Sprint(e.Data[name]) == fmt.Sprintf("[%v]", e.Data["rule_id"]) {
			continue // the one rule is named
		}
		if !hiddenDetails[name] && (name != "reason" || !ofType(e, reasonless, strings.HasSuffix)) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := detailRank(a) - detailRank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	out := verdictOf(e)
	for _, name := range names {
		if value := detailText(e.Data[name]); value != "" {
			out = append(out, strings.ReplaceAll(strings.TrimSuffix(name, "_id"), "_", " ")+" "+value)
		}
	}
	if e.Actor != "" && e.Actor != "system" && ofType(e, personal, strings.HasPrefix) {
		out = append(out, "by "+oneLine(e.Actor))
	}
	return out
}

// verdictOf is what the policy or a person said, of an event that is an answer of one: other types of event say it themselves.
func verdictOf(e runner.Event) []string {
	said, _ := e.Data["decision"].(string)
	if said == "" || !ofType(e, []string{"job_decided", "approval_voted"}, strings.HasPrefix) {
		return nil
	}
	return []string{oneLine(said)}
}

func detailRank(name string) int {
	if i := slices.Index(firstDetails, name); i >= 0 {
		return i
	}
	return len(firstDetails)
}

func detailText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return clipText(oneLine(v), maxDetail)
	case bool, float64, json.Number:
		return fmt.Sprint(v)
	case []any:
		return listText(v)
	case map[string]any:
		if code, is := v["code"].(string); is { // a coded failure
			return clipText(oneLine(fmt.Sprintf("%s: %v", code, v["message"])), maxDetail)
		}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return clipText(oneLine(string(raw)), maxDetail)
}

// listText is a list of names as people write one; of anything else nothing but how long it is.
func listText(list []any) string {
	names := make([]string, 0, len(list))
	for _, item := range list {
		name, is := item.(string)
		if !is {
			return fmt.Sprintf("%d entries", len(list))
		}
		names = append(names, name)
	}
	return clipText(oneLine(strings.Join(names, ", ")), maxDetail)
}
