package proof

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Expected are the checks that the page has a place for, in its order, and the command that makes the record of each.
var Expected = []struct{ Name, Command, What string }{
	{"tests", "make test", "tests of everything"},
	{"simulation", "make soak", "whole systems from seeds, with faults"},
	{"mutants", "make mutants", "faults planted into the code, found by a test"},
	{"crash", "make crash", "real processes that die at each crash point"},
	{"outside", "make outside", "kills, stops and cut links, judged by clients and workers"},
	{"many", "make bench-many", "a million runs and a million timers"},
	{"replicas", "make bench-replicas", "two engines on one Redis"},
}

// Print writes the page: what was measured, when, and what was not. It answers whether everything was measured and every goal
// met.
func Print(w io.Writer, records []Record) (good bool, err error) {
	byName := make(map[string]Record, len(records))
	for _, r := range records {
		byName[r.Name] = r
	}
	good = true
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range Expected {
		r, found := byName[e.Name]
		delete(byName, e.Name)
		if !found {
			good = false
			fmt.Fprintf(out, "%s: %s\n  not measured: %s\n", e.Name, e.What, e.Command)
			continue
		}
		fmt.Fprintf(out, "%s: %s\n", e.Name, e.What)
		good = printRecord(out, r) && good
	}
	for _, r := range records {
		if _, left := byName[r.Name]; left {
			fmt.Fprintf(out, "%s\n", r.Name)
			good = printRecord(out, r) && good
		}
	}
	return good, out.Flush()
}

func printRecord(w io.Writer, r Record) (good bool) {
	good = true
	fmt.Fprintf(w, "  %s, %s, commit %s, %.0f s, %s\n", r.Command, r.At.Format("2006-01-02 15:04Z"), r.Commit, r.Took, r.Machine)
	for _, f := range r.Figures {
		verdict := ""
		if f.Goal != "" {
			verdict = "ok"
			if !f.Met {
				verdict, good = "MISSED", false
			}
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %s\t%s\t%s\t%s", f.Name, f.Value, f.Goal, verdict), "\t "))
	}
	return good
}
