// Package web is the page that a server shows at its root: the runs, and one run live with its two states, its timeline,
// graph, steps, logs, effects and events, what waits for a person, and what a person can do with it; the fleet with its pools, workers,
// drains and locks; and the dead letters with what can be done about them.
//
// It owns the files under dist, which are written by hand, need no build and are embedded in the binary, and the handler
// that serves them. The page knows the server only through the HTTP API and the stream, like any other client.
//
// It never decides, stores or authenticates anything, never puts text from a run into the page as HTML, and loads
// nothing from another host.
//
// Begin reading with dist/app.js (which view is shown), then dist/run.js; dist/tree.js has the order of the steps' rows,
// dist/rows.js the tables of all other views. The handler is in handler.go. The tests drive a real browser (browser_test.go),
// one page each (reader_test.go), against answers that are made up (recorded_test.go) or the real server (server_test.go).
package web
