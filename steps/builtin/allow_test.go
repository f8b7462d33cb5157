package builtin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"cordum.dev/cordum/sdk/go"
)

// TestPolicyListsWhereAJobMayConnect: what the operator opened is not enough where the policy has a list; each hop is asked
// for.
func TestPolicyListsWhereAJobMayConnect(t *testing.T) {
	there := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	at, err := url.Parse(there.URL)
	must(t, err)
	hop := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost:"+at.Port()+"/", http.StatusFound)
	})
	for name, c := range map[string]struct {
		lists   [][]string
		address string
		used    []string // nil: denied
	}{
		"listed":                  {[][]string{{"example.com", "127.0.0.*"}}, there.URL, []string{"127.0.0.1"}},
		"listed with its port":    {[][]string{{at.Host}}, there.URL, []string{at.Host}},
		"listed in another case":  {[][]string{{"LOCALHOST"}}, "http://localhost:" + at.Port(), []string{"localhost"}},
		"not listed":              {[][]string{{"example.com"}}, there.URL, nil},
		"another port":            {[][]string{{"127.0.0.1:1"}}, there.URL, nil},
		"nothing allowed":         {[][]string{{}}, there.URL, nil},
		"in one list of two":      {[][]string{{"127.0.0.1"}, {"example.com"}}, there.URL, nil},
		"in both":                 {[][]string{{"127.0.0.1"}, {"127.*"}}, there.URL, []string{"127.0.0.1"}},
		"redirected out of it":    {[][]string{{"127.0.0.1"}}, hop.URL, nil},
		"redirected within it":    {[][]string{{"127.0.0.1", "localhost"}}, hop.URL, []string{"127.0.0.1", "localhost"}},
		"open to all by the list": {[][]string{{"*"}}, there.URL, []string{"127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			may := &allowed{lists: c.lists}
			_, err := get(may.within(context.Background()), loopback(t), c.address)
			if c.used == nil {
				coded(t, err, CodeEgressDenied, cordum.KindFatal)
				return
			}
			must(t, err)
			if !slices.Equal(may.evidence(), c.used) {
				t.Errorf("the evidence is %v, want %v", may.evidence(), c.used)
			}
		})
	}
}

func TestWhatConstraintsSayOfConnections(t *testing.T) {
	for name, c := range map[string]struct {
		constraints string
		lists       string
	}{
		"nothing":          {`[{"type":"MaxTimeout","value":3}]`, `null`},
		"a list":           {`[{"type":"EgressAllowlist","value":["a"]}]`, `[["a"]]`},
		"an empty one":     {`[{"type":"EgressAllowlist","value":[]}]`, `[[]]`},
		"unreadable":       {`[{"type":"EgressAllowlist","value":7}]`, `[null]`},
		"a sandbox":        {`[{"type":"Sandbox","value":{"network":["b"]}}]`, `[["b"]]`},
		"one without":      {`[{"type":"Sandbox","value":{"isolated":true}}]`, `null`},
		"both":             {`[{"type":"EgressAllowlist","value":["a"]},{"type":"Sandbox","value":{"network":[]}}]`, `[["a"],[]]`},
		"a broken sandbox": {`[{"type":"Sandbox","value":[]}]`, `[null]`},
	} {
		t.Run(name, func(t *testing.T) {
			job, err := cordum.JobUnder(testJob, []byte(c.constraints))
			must(t, err)
			got := "null"
			if may := allowedBy(job); may != nil {
				data, err := json.Marshal(may.lists)
				must(t, err)
				got = string(data)
			}
			if got != c.lists {
				t.Errorf("lists are %s, want %s", got, c.lists)
			}
		})
	}
}
