package backup

const (
	// maxManifest is the largest manifest that is read: 100,000 files of 150 bytes.
	maxManifest = 16 << 20
	// maxFindings is how many things a check says are wrong before it only counts them.
	maxFindings = 100
	// maxLine is the longest line of an export: the largest value in base64, and its key.
	maxLine = 24 << 20
	// batchBytes and batchItems are what one commit of an import holds: large enough that syncing does not count.
	batchBytes = 8 << 20
	batchItems = 5_000
	// MaxShelf is how many backups of a folder are listed: the newest.
	MaxShelf = 1_000
)
