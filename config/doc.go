// Package config says how the fleet is set up: which pools serve which topics, what tenants may have at once, and how long
// things may take. It reads pools.yaml and timeouts.yaml, in both of the shapes that they are written in, and answers questions
// about them. It is pure: text in, one value or all of its problems out.
//
// It never reads files and never watches them; whoever does keeps the old value when the new text is refused.
//
// Layered settings of tenants, teams, workflows and steps will live here too; there are no layers yet. The settings of the
// process itself (ports, folders, keys) belong to cmd/cordum.
//
// Begin reading at [Fleet] and [Timeouts].
package config
