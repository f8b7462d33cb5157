package gateway

import (
	"net/url"
	"strconv"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// reply is an answer with a body and nothing else.
type reply[T any] struct{ Body T }

// created is the answer to what made or changed something.
type created[T any] struct {
	Status   int
	Location string `header:"Location" doc:"Where to read what was made or changed"`
	Replayed string `header:"Idempotent-Replayed" doc:"true when the Idempotency-Key was seen before and nothing was done"`
	Body     T
}

// Page is a page of a list.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Send as cursor for the next page; absent on the last one"`
}

// pageReply is the answer of a list.
type pageReply[T any] struct {
	Link string `header:"Link" doc:"The next page, as RFC 8288 writes it"`
	Body Page[T]
}

// ByID is the input of a route about one thing. The inputs that others embed are exported because huma skips
// embedded fields that are not.
type ByID struct {
	ID string `path:"id" maxLength:"200"`
}

// Paging is what every list takes.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"How many items"`
}

func (in Paging) filter() runner.Filter { return runner.Filter{Cursor: in.Cursor, Limit: in.Limit} }

// pageOf makes a list's answer. path and query are the request's, so that the link to the next page keeps the filter.
func pageOf[T any](items []T, next, path string, f runner.Filter) *pageReply[T] {
	out := &pageReply[T]{Body: Page[T]{Items: items, NextCursor: next}}
	if items == nil {
		out.Body.Items = []T{}
	}
	if next != "" {
		q := url.Values{"cursor": {next}, "limit": {strconv.Itoa(f.Limit)}}
		for name, value := range map[string]string{"workflow": f.Workflow, "state": f.State, "kind": f.Kind} {
			if value != "" {
				q.Set(name, value)
			}
		}
		out.Link = "<" + prefix + path + "?" + q.Encode() + `>; rel="next"`
	}
	return out
}

func runPath(id string) string { return prefix + "/runs/" + url.PathEscape(id) }

func replayed(yes bool) string {
	if yes {
		return "true"
	}
	return ""
}

// waitTime reads how long a long poll may take.
func waitTime(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > MaxWait {
		return 0, newProblem("invalid_argument", "query.wait: write a duration like 30s, at most "+MaxWait.String()+".")
	}
	return d, nil
}
