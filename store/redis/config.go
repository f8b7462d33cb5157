package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"cordum.dev/cordum/store"
)

// Config says where a store is and how it is run.
type Config struct {
	// Addrs are HOST:PORT of one server, of some nodes of a cluster, or, with MasterName, of Sentinels. Required. A
	// single server that says it is of a cluster is used as one.
	Addrs []string
	// MasterName is the name by which Sentinels know the primary; empty without Sentinels.
	MasterName string
	// Username and Password are for the servers; empty without.
	Username, Password string
	// SentinelUsername and SentinelPassword are for the Sentinels; empty without.
	SentinelUsername, SentinelPassword string
	// DB is the number of the database; a cluster has only 0.
	DB int
	// TLS, when set, is how connections to all of them are secured.
	TLS *tls.Config
	// Pool is how many connections to a server are open at most; 0 means DefaultPool.
	Pool int

	// Prefix begins the names of all keys, so that stores and other programs can share a server; empty means
	// DefaultPrefix.
	Prefix string
	// Partitions is the number of partitions of a new store, 1 to 256; 0 means DefaultPartitions. An existing store
	// keeps the number that it was made with.
	Partitions int
	// Identity is who a new store is: one that is moved here keeps its ID, with a generation of its own. Nil: a new one, of
	// generation 1. A store that is there keeps its own.
	Identity *store.Identity
	// InitEmpty makes a store where there is none. Without it an empty server is refused: it may be one that lost
	// everything.
	InitEmpty bool
	// AllowLoss takes a server whose settings lose acknowledged data, and warns, where Open would refuse it.
	AllowLoss bool
	// Known is what was noted of the store elsewhere, when a process that used it ended: Open answers store.ErrRolledBack
	// for a store that is behind it, or another one. Nil: nothing is known.
	Known *Mark
	// WaitReplicas is how many replicas must have received a commit or a blob before it is acknowledged; 0: none.
	WaitReplicas int
	// Logger gets what the operator should know; nil means slog.Default().
	Logger *slog.Logger

	filling bool // of Create

	// What tests watch commands with, and how long they wait; 0 means callTimeout and patience.
	hook           redis.Hook
	dialled        *atomic.Uint64 // counts connections
	call, patience time.Duration
}

func (c *Config) check() error {
	if len(c.Addrs) == 0 {
		return errors.New("store/redis: no address: set Config.Addrs")
	}
	if c.Partitions < 0 || c.Partitions > maxPartitions {
		return fmt.Errorf("store/redis: %d partitions, want 1 to %d, or 0 for %d", c.Partitions, maxPartitions, DefaultPartitions)
	}
	if c.WaitReplicas < 0 || c.WaitReplicas > maxReplicas {
		return fmt.Errorf("store/redis: wait for %d replicas, want 0 to %d", c.WaitReplicas, maxReplicas)
	}
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Partitions == 0 {
		c.Partitions = DefaultPartitions
	}
	if c.Pool <= 0 {
		c.Pool = DefaultPool
	}
	if c.call == 0 {
		c.call, c.patience = callTimeout, patience
	}
	if c.dialled == nil {
		c.dialled = new(atomic.Uint64)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return checkPrefix(c.Prefix)
}

// options are the client's. Contexts carry the deadlines; the client's own retries, which would send a commit again
// without telling, are off.
func (c *Config) options() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: c.Addrs, DB: c.DB, MasterName: c.MasterName,
		Username: c.Username, Password: c.Password,
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword,
		TLSConfig: c.TLS,

		Protocol:                 2, // nothing is pushed
		MaxRetries:               -1,
		DialTimeout:              callTimeout,
		DialerRetries:            1,
		ReadTimeout:              -1, // the context's
		WriteTimeout:             -1,
		ContextTimeoutEnabled:    true,
		PoolSize:                 c.Pool,
		PoolTimeout:              callTimeout,
		PipelinePoolSize:         -1,   // one pool for all
		DisableIdentity:          true, // CLIENT SETINFO is unknown before Redis 7.2
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}
