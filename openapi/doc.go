// Package openapi holds the description of the HTTP API as files: openapi.yaml is OpenAPI 3.1, the source for clients, and
// openapi-3.0.yaml the same for tools that do not read 3.1 yet. Both are made from the gateway's table of routes; a test
// says when they are not current. The package has nothing to call at run time: a server describes itself at
// /api/v1/openapi.json.
//
// Begin with openapi.yaml. After a change of the gateway's routes or types, run go generate ./openapi and review the
// difference: a removed field or operation breaks clients.
package openapi

//go:generate go run ./gen
