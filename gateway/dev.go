package gateway

import (
	"net/http"
	"strings"
)

// devUser is who asks in dev mode when nobody else is named: it holds every role of the route table.
const devUser = userPrefix + "dev"

// namedRoles are the roles of the route table of somebody who was named in dev mode without any: a colleague who does
// everything but administer, so that two people can be tried with one machine.
var namedRoles = []string{RoleApprover.String(), RoleAuthor.String(), RoleOperator.String()}

// devPrincipal is who asks in dev mode: the one local principal, or whom it says to be. X-Principal-Id names a person,
// X-Principal-Role (or -Roles) and X-Principal-Groups, lists with commas, what they are.
func devPrincipal(r *http.Request, tenant string) (Principal, *Problem) {
	p := Principal{Tenant: tenant, Actor: devUser, Type: TypeHuman}
	if t := r.Header.Get("X-Tenant-ID"); t != "" {
		if !plainName(t) {
			return Principal{}, newProblem("invalid_tenant", "Use letters, digits, '.', '_' and '-', at most 64.")
		}
		p.Tenant = t
	}
	if name := r.Header.Get("X-Principal-Id"); name != "" {
		name = strings.TrimPrefix(name, userPrefix)
		if !plainName(name) {
			return Principal{}, newProblem("invalid_principal", "Use letters, digits, '.', '_', '-', '@' and '+', at most 64.")
		}
		p.Actor = userPrefix + name
	}
	roles, ok := namesOfHeaders(r, "X-Principal-Role", "X-Principal-Roles")
	if !ok {
		return Principal{}, newProblem("invalid_principal", "Roles are names with commas between them: letters, digits, '.', '_', '-', '@' and '+', at most 64 each.")
	}
	if p.Groups, ok = namesOfHeaders(r, "X-Principal-Groups"); !ok {
		return Principal{}, newProblem("invalid_principal", "Groups are names with commas between them: letters, digits, '.', '_', '-', '@' and '+', at most 64 each.")
	}
	p.holding(withStanding(roles, p.Actor))
	p.Operator = p.Roles.Allow(RoleAdmin)
	return p, nil
}

// withStanding adds what somebody is in dev mode to roles of which the route table knows none, such as dba: they say what
// a policy is to take the person for, and nothing about routes.
func withStanding(roles []string, actor string) []string {
	switch held, _ := rolesNamed(roles); {
	case held != 0:
		return roles
	case actor == devUser:
		return append(roles, RoleAdmin.String())
	}
	return append(roles, namedRoles...)
}

// namesOfHeaders reads names from headers that hold lists; nil when none of the headers is there.
func namesOfHeaders(r *http.Request, headers ...string) (names []string, ok bool) {
	for _, header := range headers {
		for _, line := range r.Header.Values(header) {
			for name := range strings.SplitSeq(line, ",") {
				if name = strings.TrimSpace(name); !isRoleName(name) || len(names) >= maxNames {
					return nil, false
				}
				names = append(names, name)
			}
		}
	}
	return names, true
}
