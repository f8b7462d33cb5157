package gateway

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
