//go:build !crashtest

package main

// crashHook is nil: only a binary built with the tag crashtest can be told to die somewhere.
func crashHook() func(string) { return nil }
