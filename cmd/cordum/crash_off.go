//go:build !crashtest

package main

// orderedCrash is nil: a server that users start cannot be told to die somewhere.
func orderedCrash() (*crasher, error) { return nil, nil }
