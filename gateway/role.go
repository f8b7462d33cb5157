package gateway

import "slices"

// Role is what a route asks of its caller. The zero value is nobody: a route that says nothing is refused.
type Role uint8

// The roles. Operator, approver and author include viewer; admin includes all.
const (
	// RoleDenied lets nobody in.
	RoleDenied Role = iota
	// RolePublic asks for nothing: health checks, the description of the API, the page.
	RolePublic
	// RoleViewer reads.
	RoleViewer
	// RoleOperator starts, steers and cancels runs and jobs.
	RoleOperator
	// RoleApprover decides approvals.
	RoleApprover
	// RoleAuthor stores definitions.
	RoleAuthor
	// RoleAdmin does everything.
	RoleAdmin
)

var roleNames = [...]string{"denied", "public", "viewer", "operator", "approver", "author", "admin"}

// heldRoles are the roles that somebody can hold, from the least to the most.
var heldRoles = []Role{RoleViewer, RoleOperator, RoleApprover, RoleAuthor, RoleAdmin}

func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "denied"
}

// Roles is a set of roles a principal holds.
type Roles uint16

// RolesOf makes a set.
func RolesOf(roles ...Role) Roles {
	var s Roles
	for _, r := range roles {
		s |= 1 << r
	}
	return s
}

// rolesNamed finds the roles of the route table among names, and lists every role that is held by its name, sorted: with
// those that a role includes, and with names that only policies and approvals know.
func rolesNamed(names []string) (Roles, []string) {
	var s Roles
	held := slices.Clone(names)
	for _, role := range heldRoles {
		if slices.Contains(names, role.String()) {
			s |= RolesOf(role)
		}
	}
	for _, role := range heldRoles {
		if s.Allow(role) {
			held = append(held, role.String())
		}
	}
	slices.Sort(held)
	return s, slices.Compact(held)
}

// isRoleName tells whether a role can be called so. Two names of the table are what nobody holds.
func isRoleName(s string) bool {
	return plainName(s) && s != RoleDenied.String() && s != RolePublic.String()
}

// Allow tells whether somebody who holds the set may call a route that asks for r. Nobody may when r is RoleDenied or
// no role at all.
func (s Roles) Allow(r Role) bool {
	holds := func(have Role) bool { return s&(1<<have) != 0 }
	switch r {
	case RolePublic:
		return true
	case RoleViewer:
		return holds(RoleViewer) || holds(RoleOperator) || holds(RoleApprover) || holds(RoleAuthor) || holds(RoleAdmin)
	case RoleOperator, RoleApprover, RoleAuthor, RoleAdmin:
		return holds(r) || holds(RoleAdmin)
	}
	return false
}
