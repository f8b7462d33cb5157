// Package report prints what was measured as one table, the server's figures beside the floor's of the same run.
//
// It owns the goals that the figures are held against. Begin reading at Print.
package report
