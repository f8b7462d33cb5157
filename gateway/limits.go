package gateway

import "time"

// Limits of what the gateway takes. Sizes are bytes.
const (
	// MaxDefinitionBody is the largest definition, as the language's own limit says.
	MaxDefinitionBody = 4 << 20
	// MaxBody is the largest body of every other request (GATEWAY_MAX_JOB_PAYLOAD_BYTES).
	MaxBody = 2 << 20
	// MaxHeaderBytes bounds a request's line and headers together; more is 431.
	MaxHeaderBytes = 64 << 10
	// MaxHeaders is how many header lines a request may have; more is 431.
	MaxHeaders = 100
	// MaxJSONDepth is how deep a JSON body may nest, as deep as a definition.
	MaxJSONDepth = 64
	// MaxIDLength bounds an identifier in a path, a query or a subscription.
	MaxIDLength = 200
	// MaxIdempotencyKey bounds the Idempotency-Key header.
	MaxIdempotencyKey = 255
	// MaxReason bounds the X-Reason header.
	MaxReason = 1024
	// MinAPIKey is the shortest API key that is taken: 128 bits written in hexadecimal.
	MinAPIKey = 32
	// maxName bounds the name of a tenant, a person or a role, maxNames how many roles, groups or scopes one has.
	maxName  = 64
	maxNames = 32
	// MaxLinkAge is how long an approval link is good at most, maxLink how long its text may be, MaxLinkForm how large the
	// answer of its page.
	MaxLinkAge  = 7 * 24 * time.Hour
	maxLink     = 4096
	MaxLinkForm = 128 << 10
	// KeyCacheTTL is how long a key that was read is believed: the most that another process takes to see that it was
	// revoked. The process that revokes it knows at once.
	KeyCacheTTL = time.Second
	// KeyRecheck is how often a live stream looks whether its key is still good: a revoked one is closed with 1008.
	KeyRecheck = 10 * time.Second
	// MaxCachedKeys is how many keys are kept in memory.
	MaxCachedKeys = 10_000
	// MaxKeyPages is how many pages of 1,000 keys one list looks through; its cursor leads on.
	MaxKeyPages = 10

	// DefaultPage and MaxPage are how many items a page of a list holds.
	DefaultPage = 50
	MaxPage     = 1000
	// MaxWait is the longest a long poll may take.
	MaxWait = 60 * time.Second

	// MaxLookup is how many bytes of other definitions one request reads to follow sub-workflows; those beyond are taken for
	// unknown. Four definitions of the largest size.
	MaxLookup = 4 * MaxDefinitionBody
	// MaxBatch is how many runs one batch acts on, and how many it reads for what a list does not show.
	MaxBatch = 1000
	// MaxBatchPages is how many pages of the list of runs one batch looks through; its cursor leads on.
	MaxBatchPages = 100
	// BatchWorkers is how many runs of a batch are given their command at a time: their commits share one sync.
	BatchWorkers = 16

	// MaxCompiling is how many policies are compiled at a time for questions, as each may need 100 times the memory of its
	// text; CompileWait is how long a question waits for its turn, then it is 503.
	MaxCompiling = 2
	CompileWait  = 5 * time.Second

	// BodyTimeout is how long a request may take to send its body; then 408.
	BodyTimeout = 10 * time.Second
	// CallTimeout is how long a call that changes a run may take; then 504: a store that is away for a moment is back by then.
	CallTimeout = 30 * time.Second
	// HeaderTimeout is how long a request may take to send its headers.
	HeaderTimeout = 10 * time.Second
	// IdleTimeout is how long a connection may wait for its next request.
	IdleTimeout = 2 * time.Minute
	// StopTimeout is how long requests in flight may take when the gateway stops.
	StopTimeout = 10 * time.Second
)

// Limits of the live stream.
const (
	// MaxViewers is how many WebSocket and SSE viewers there may be at a time; more is 503.
	MaxViewers = 10_000
	// MaxSubscriptions is how many runs or workflows one WebSocket may follow; more is closed with 1008.
	MaxSubscriptions = 100
	// MaxMessage is the largest message a client may send; more is closed with 1009.
	MaxMessage = 64 << 10
	// WatchBuffer is how many messages of one subscription may wait for its viewer before the rest becomes a gap.
	WatchBuffer = 256
	// ViewerQueue is how many encoded messages may wait for one connection.
	ViewerQueue = 64
	// ClientRate and ClientBurst bound a client's messages and pings a second; more is closed with 1008.
	ClientRate  = 20
	ClientBurst = 200

	// PingInterval is the default pause between two pings (GATEWAY_WS_PING_INTERVAL).
	PingInterval = 30 * time.Second
	// PongWait is how long a connection may be silent, pongs included.
	PongWait = 60 * time.Second
	// WriteTimeout is how long one message may take to leave.
	WriteTimeout = 10 * time.Second
	// SlowAfter is how long a viewer's queue may stay full before it is closed with 1013. With WriteTimeout it makes
	// the 20 s after which a viewer that reads nothing is gone.
	SlowAfter = 10 * time.Second
	// CloseLinger is how long a closed viewer has to read why, before the connection ends under it.
	CloseLinger = time.Second
	// SSEHeartbeat is the pause between two comment lines of a silent SSE stream.
	SSEHeartbeat = 15 * time.Second
)

// Rate limits by default, per second and at once: of one principal, and of one address where nobody is known yet.
const (
	DefaultRPS         = 100
	DefaultBurst       = 200
	DefaultPublicRPS   = 10
	DefaultPublicBurst = 20
	// BucketTTL is how long an unused bucket is kept, BucketSweep how often they are looked through.
	BucketTTL   = 30 * time.Minute
	BucketSweep = 5 * time.Minute
	// MaxBuckets bounds the memory of the rate limiter; beyond it, unknown callers share one bucket.
	MaxBuckets = 100_000
)
