package backup

// Crash points: the named places where a process that dies leaves something half done. [About.Crash] is called there with the name:
// it may end the process, or answer an error, and then what comes next is not done. Nil in production.
const (
	CrashCopying = "CP24.copying" // a restore: one file is copied, the others are not
	CrashCopied  = "CP24.copied"  // a restore: all files are copied, the store is in the generation before
	CrashLoading = "CP24.loading" // an import: a part of it is in the store
	CrashFilled  = "CP24.filled"  // the store is whole, and not where it is to be, or not open to others
	CrashPlaced  = "CP24.placed"  // the folder has its name, nothing says yet that it is whole
	CrashSettled = "CP24.settled" // the store can be used, and nobody has been told
)

// reach is called at each of them.
func (a About) reach(point string) error {
	if a.Crash == nil {
		return nil
	}
	return a.Crash(point)
}
