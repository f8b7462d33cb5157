// Package proof keeps the figures that show what the project promises: a record for each long run, written by the program
// that made it, one page of all of them, and their table in docs/guarantees.md.
//
// It owns the form of a record (record.go), the page (page.go) and the table (measured.go), and holds the tests that
// docs/guarantees.md names tests that exist and figures that were measured. It never measures anything, and never says of a figure
// more than its record does: what was not run is shown so.
//
// Begin reading at record.go. The page is printed by `make scoreboard`.
package proof
