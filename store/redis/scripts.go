package redis

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// The scripts. Each begins with the store's id and the lowest generation that the caller takes, and answers a list: what
// became of it, the partition's generation, and the rest.
var (
	//go:embed lua/commit.lua
	commitSource string
	//go:embed lua/settle.lua
	settleSource string
	//go:embed lua/acquire.lua
	acquireSource string
	//go:embed lua/renew.lua
	renewSource string
	//go:embed lua/get.lua
	getSource string
	//go:embed lua/scan.lua
	scanSource string
	//go:embed lua/log.lua
	logSource string
	//go:embed lua/blob.lua
	blobSource string
	//go:embed lua/begin.lua
	beginSource string

	commitScript  = newScript(commitSource)
	settleScript  = newScript(settleSource)
	acquireScript = newScript(acquireSource)
	renewScript   = newScript(renewSource)
	getScript     = newScript(getSource)
	scanScript    = newScript(scanSource)
	logScript     = newScript(logSource)
	blobScript    = newScript(blobSource)
	beginScript   = newScript(beginSource)
)

// script is a source and the digest by which a server that has seen it knows it.
type script struct{ source, digest string }

func newScript(source string) script { return script{source, redis.NewScript(source).Hash()} }

// Words that scripts answer with first.
const (
	saysOK     = "ok"
	saysOther  = "other"  // the partition's head is of another store, or gone
	saysBack   = "back"   // the partition's generation is lower than one that was seen
	saysLate   = "late"   // a later unit of the same writer was carried out
	saysMoved  = "moved"  // another epoch was given meanwhile
	saysHeld   = "held"   // somebody else's lease runs
	saysFenced = "fenced" // the epoch is not current
	saysTorn   = "torn"   // an index names a row that is not there
)
