package gateway

import (
	"bytes"
	"fmt"
)

// RolesPage is docs/roles.md: who may call what.
func RolesPage() []byte {
	var b bytes.Buffer
	b.WriteString(`# Roles

<!-- Generated from the gateway's table of routes by go generate ./openapi. -->

Every route asks for one role. ` + "`operator`, `approver` and `author` include `viewer`; `admin`" + ` includes all. A key may hold
other names too, such as ` + "`sre`" + `: routes ask for none of them, policies and approvals can (` + "`role:sre`" + `). A route that is not in
this table is refused to everybody. What belongs to another tenant is not there: 404, as for what never was.

A key with **scopes** is good for these only, and for no more than its roles allow: a scope is a verb of the last column, ` + "`read`" + ` for
all that changes nothing, or a family such as ` + "`run.*`" + `. The server's log of requests has the verb, too. The
[audit log](audit.md) has acts of its own: what a verb changes is recorded there under the name of its act, which may be another one.
Of a lock that is renewed, and of what is refused, there is no record.

Without a role, which is less than ` + "`viewer`" + `, one can call:

`)
	for _, r := range Routes() {
		if r.Role == RolePublic && r.ID != "" {
			fmt.Fprintf(&b, "- `%s %s`: %s\n", r.Method, r.Path, r.Summary)
		}
	}
	fmt.Fprint(&b, "\n| route |")
	for _, role := range heldRoles {
		fmt.Fprintf(&b, " %s |", role)
	}
	b.WriteString(" verb |\n|---|---|---|---|---|---|---|\n")
	for _, r := range Routes() {
		if r.Role != RolePublic {
			matrixRow(&b, &r)
		}
	}
	return b.Bytes()
}

func matrixRow(b *bytes.Buffer, r *Route) {
	fmt.Fprintf(b, "| `%s %s` |", r.Method, r.Path)
	for _, role := range heldRoles {
		mark := "–"
		if RolesOf(role).Allow(r.Role) {
			mark = "✓"
		}
		fmt.Fprintf(b, " %s |", mark)
	}
	verb := r.Audit
	if verb == "" {
		verb = scopeRead
	}
	fmt.Fprintf(b, " `%s` |\n", verb)
}
