// Package config will own layered settings of tenants, teams, workflows and steps: merge them, validate them, explain
// which layer a value came from. It will be pure: layers in, one effective value out.
//
// There are no layers yet. The settings of the process itself (ports, folders, keys) belong to cmd/cordum.
package config
