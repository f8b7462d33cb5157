package gateway

import (
	"bytes"
	"fmt"
	"net/http"
)

// ProblemsPage is docs/problems.md: what every code means and what to do about it.
func ProblemsPage() []byte {
	var b bytes.Buffer
	b.WriteString(`# Problems

<!-- Generated from the gateway's table of problems by go generate ./openapi. -->

Every error of the API is an RFC 9457 document, ` + "`application/problem+json`" + `. Decide by its ` + "`code`" + `, which stays as it is; ` + "`detail`" + `
says what was wrong this time, and ` + "`errors[]`" + ` has each thing that was wrong with its place: a JSON pointer into the body, or
` + "`query.NAME`" + `, ` + "`path.NAME`" + `, ` + "`header.NAME`" + `; for definitions also line, column and often a hint. ` + "`type`" + ` is
` + "`" + problemDocs + "CODE`" + `, which stands for the row of the code on this page. A value that was sent as input is never repeated.

Every answer has an ` + "`X-Request-Id`" + `; the server's log has one line with it.
`)
	for _, group := range problemTable {
		fmt.Fprintf(&b, "\n## %s\n\n| code | status | what it is | what to do |\n|---|---|---|---|\n", group.title)
		for _, k := range group.kinds {
			fmt.Fprintf(&b, "| `%s` | %d %s | %s | %s |\n", k.code, k.status, http.StatusText(k.status), k.title, k.help)
		}
	}
	return b.Bytes()
}
