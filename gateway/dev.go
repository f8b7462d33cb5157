package gateway

import (
	"net/http"
	"strings"
)

// devUser is who asks in dev mode when nobody else is named: it holds every role.
const devUser = userPrefix + "dev"

// namedRoles are the roles of somebody who was named in dev mode without any: a colleague who does everything but
// administer, so that two people can be tried with one machine.
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
	switch {
	case roles != nil:
		p.holding(roles)
	case p.Actor == devUser:
		p.holding([]string{RoleAdmin.String()})
	default:
		p.holding(namedRoles)
	}
	p.Operator = p.Roles.Allow(RoleAdmin)
	return p, nil
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
