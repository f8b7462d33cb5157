// Package packs will own the bundle of tools, workflows, policy and schemas that is installed as one: verify it, plan
// what an install changes, apply it whole or not at all. It will never run code out of a pack.
//
// No pack can be installed yet.
package packs
