// Package api is a client of the server's HTTP API: every operation of openapi/openapi.yaml is a method of Client, with the
// types of its parameters, body and answer.
//
// generated.go is made of the document by `make gen`; what an operation does is said there. The rest is what they all share:
// Config and New, Error, and how a request is put together. Optional fields are pointers (new("x") makes one), slices and maps
// are nil when absent, and numbers of values that may be any JSON are json.Number.
//
// The package never repeats a request, keeps nothing between two of them, and knows no workers: those are package cordum's. It
// has no method for the live WebSocket feed; OpenEvents answers the same feed as server-sent events.
//
// Begin with the example, then client.go.
package api
