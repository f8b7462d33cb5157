package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
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
	NextCursor string `json:"next_cursor,omitempty" doc:"Send as cursor for the next page; absent on the last one. A page that fits little may be shorter than its limit, even empty, and have one"`
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

// list is what a page is a page of. A cursor is only good for the list it came from.
type list struct {
	path   string // below the prefix
	tenant string
	runner.Filter
}

// listOf reads what is asked for. The cursor of another list, or of another filter, is refused.
func (in Paging) listOf(ctx context.Context, path string, f runner.Filter) (list, error) {
	l := list{path: path, tenant: requestOf(ctx).principal.Tenant, Filter: f}
	l.Limit = in.Limit
	if in.Cursor == "" {
		return l, nil
	}
	inner, ok := strings.CutPrefix(in.Cursor, l.mark())
	if !ok || inner == "" {
		return l, runner.ErrInvalidCursor
	}
	l.Cursor = inner
	return l, nil
}

// mark begins every cursor of the list.
func (l *list) mark() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{l.path, l.tenant, l.Workflow, l.State, l.Kind}, "\x00")))
	return hex.EncodeToString(sum[:4]) + "."
}

// pageOf makes a list's answer. The link to the next page keeps the filter.
func pageOf[T any](l list, items []T, next string) *pageReply[T] {
	out := &pageReply[T]{Body: Page[T]{Items: items}}
	if items == nil {
		out.Body.Items = []T{}
	}
	if next != "" {
		next = l.mark() + next
		q := url.Values{"cursor": {next}, "limit": {strconv.Itoa(l.Limit)}}
		for name, value := range map[string]string{"workflow": l.Workflow, "state": l.State, "kind": l.Kind} {
			if value != "" {
				q.Set(name, value)
			}
		}
		out.Body.NextCursor = next
		out.Link = "<" + prefix + l.path + "?" + q.Encode() + `>; rel="next"`
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
