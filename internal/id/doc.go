// Package id makes and reads the identifiers that say where a run lives.
//
// A run id is two upper-case hexadecimal digits, its partition, and a ULID: 28 characters, upper case, so it is never
// taken for a workflow id. What belongs to a run begins with its id:
//
//	run      07 01JD…                  "0701JD…"
//	job      <run>.<step>~<iteration>
//	attempt  <job> for the first, <job>@<n> after it
package id
