// Package gateway is the way in: HTTP, WebSocket and server-sent events. For every request it authenticates, decodes,
// calls the engine once, and encodes the answer. It decides nothing about a run.
//
// What it owns: the table of routes, who may call what, limits of requests, the shapes of answers and errors, the live
// stream's protocol, and the OpenAPI description, which is made from the same table.
//
// What it never does: read or write a store, talk to a bus, keep state that must survive a restart, or echo a body or a
// rendered input in an error or a log line.
//
// Begin with routes.go, the one table of what exists. edge.go and guard.go are what every request passes on its way to
// the handler; problems.go is the one table of errors; stream.go is the WebSocket.
package gateway
