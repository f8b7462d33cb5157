package main

import "github.com/spf13/cobra"

// policyOnline are the commands that ask a server.
func policyOnline(*app) []*cobra.Command { return nil }
