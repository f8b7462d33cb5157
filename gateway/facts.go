package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"cordum.dev/cordum/engine/runner"
)

// dumpFacts writes stored facts of a run as it reads them, a line of JSON each. What goes wrong before the first line is a problem;
// later the connection breaks off, so that nobody takes a part for the whole.
func (g *Gateway) dumpFacts(w http.ResponseWriter, r *http.Request) {
	q := runner.DumpQuery{Run: r.PathValue("id")}
	var problem *Problem
	if q.From, q.To, problem = factRange(r.URL.Query()); problem != nil {
		problem.write(w)
		return
	}
	begun := false
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	err := g.engine.Dump(r.Context(), caller(r.Context(), ""), q, func(f runner.DumpedFact) error {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", exportMedia)
		}
		return lines.Encode(f)
	})
	switch {
	case err == nil && !begun:
		w.Header().Set("Content-Type", exportMedia)
	case err == nil:
	case !begun:
		g.fail(recordOf(r.Context()), err).write(w)
	default:
		g.log.WarnContext(r.Context(), "dump of a run's facts ended early", "error", err.Error())
		panic(http.ErrAbortHandler)
	}
}

// factRange reads which facts are asked for; 0 is from the first, or to the last.
func factRange(query url.Values) (from, to uint64, p *Problem) {
	for name, values := range query {
		n, err := strconv.ParseUint(values[0], 10, 63)
		switch {
		case name != "from" && name != "to":
			return 0, 0, newProblem("invalid_argument", "Known are from and to: numbers of facts, both included.")
		case err != nil || n == 0:
			return 0, 0, newProblem("invalid_argument", "query."+name+": the number of a fact, from 1.")
		case name == "from":
			from = n
		default:
			to = n
		}
	}
	if to != 0 && from > to {
		return 0, 0, newProblem("invalid_argument", "query.from: it is behind to.")
	}
	return from, to, nil
}

func factRoutes() []Route {
	first := 1.0
	seq := &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &first}
	return []Route{{
		Method: http.MethodGet, Path: prefix + "/runs/{id}/facts", ID: "dumpFacts", Tag: "runs",
		Summary: "Dump the facts of a run as they are stored",
		Doc: "Lines of JSON, oldest first: the number of the fact, that with which its commit began, when and by whom, its kind and what " +
			"it says. Tokens of attempts are left out; what is kept as a blob is named. The kinds and their fields are those of the " +
			"store and change with versions: the timeline is what to build on. A dump that breaks off is no whole one.",
		Role: RoleAdmin, Tenant: TenantCaller, Stream: true, Errors: []int{notFound},
		Params: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "from", In: "query", Schema: seq, Description: "The first fact; by default that of the run"},
			{Name: "to", In: "query", Schema: seq, Description: "The last fact; by default that of the run"},
		},
		bind: serve((*Gateway).dumpFacts, exportMedia),
	}}
}
