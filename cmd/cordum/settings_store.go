package main

import (
	"slices"
	"strings"

	"cordum.dev/cordum/store/redis"
)

// storeSettings are what a command is told about the store: where it is, and what it may be.
type storeSettings struct {
	URL          string   // of Redis, or folderStore; default none: where Redis or Cluster say, else in DataDir
	Redis        string   // the installation's Redis: payloads of plain CAP workers, and the store where URL is not set; default none
	Password     string   // where the address holds none
	Prefix       string   // of the keys; default redis.DefaultPrefix
	Init         bool     // make a store where there is none; default false
	AllowLoss    bool     // take a server whose settings lose data; default false
	WaitReplicas int      // default 0
	Pool         int      // connections to a server; default redisPool
	Cluster      []string // nodes of the installation's Redis, if it is a cluster; default none

	CA, Cert, Key string // files; default none
	ServerName    string
	Insecure      bool
}

const (
	redisPool    = 20 // of connections, as REDIS_POOL_SIZE has it
	mostPool     = 10_000
	mostReplicas = 16 // as store/redis takes them
)

func defaultStoreSettings() storeSettings {
	return storeSettings{Prefix: redis.DefaultPrefix, Pool: redisPool}
}

// storeURLDoc says how a store is named.
const storeURLDoc = "the store: " + folderStore + " (--data-dir), or a Redis: redis://HOST:6379, redis+sentinel://HOST:26379,HOST:26379/NAME or " +
	"redis+cluster://HOST:6379,HOST:6379; rediss for TLS; a password belongs in CORDUM_STORE_PASSWORD or in the variable, not in the flag; " +
	"it wins over REDIS_URL and REDIS_CLUSTER_ADDRESSES (default the Redis that they name, else " + folderStore + ")"

func storeRows() []setting {
	return []setting{
		str("store", "CORDUM_STORE", storeURLDoc, func(c *serveConfig) *string { return &c.Store.URL }),
		str("redis-url", "REDIS_URL", "the Redis of this installation, written as for --store: the store, where --store does not name another, and payloads of plain CAP workers; a password belongs in the variable, not in the flag", func(c *serveConfig) *string { return &c.Store.Redis }),
		str("store-prefix", "CORDUM_STORE_PREFIX", "the keys of the store in Redis begin with it", func(c *serveConfig) *string { return &c.Store.Prefix }),
		secret("store_password", "CORDUM_STORE_PASSWORD", func(c *serveConfig) *string { return &c.Store.Password }),
		boolean("init-store", "CORDUM_INIT_STORE", "make a store in a Redis that has none; without it an empty one is refused, because it may have lost everything", func(c *serveConfig) *bool { return &c.Store.Init }),
		boolean("store-allow-loss", "CORDUM_STORE_ALLOW_LOSS", "take a Redis whose settings lose acknowledged data, with a warning", func(c *serveConfig) *bool { return &c.Store.AllowLoss }),
		whole("store-wait-replicas", "CORDUM_STORE_WAIT_REPLICAS", "so many replicas of Redis have received what is acknowledged", 0, mostReplicas, func(c *serveConfig) *int { return &c.Store.WaitReplicas }),
		listOf("redis-cluster-addresses", []string{"REDIS_CLUSTER_ADDRESSES"}, "HOST:PORT,HOST:PORT: nodes of the cluster that is the Redis of this installation; by themselves, with REDIS_URL (whose user, password and TLS count), or where --store redis+cluster:// names none", func(c *serveConfig) *[]string { return &c.Store.Cluster }),
		whole("redis-pool-size", "REDIS_POOL_SIZE", "connections to a server of Redis at most", 1, mostPool, func(c *serveConfig) *int { return &c.Store.Pool }),
		str("redis-tls-ca", "REDIS_TLS_CA", "a PEM file with who may have signed the certificate of Redis (default: whom the system trusts)", func(c *serveConfig) *string { return &c.Store.CA }),
		str("redis-tls-cert", "REDIS_TLS_CERT", "a PEM file with the certificate shown to it", func(c *serveConfig) *string { return &c.Store.Cert }),
		str("redis-tls-key", "REDIS_TLS_KEY", "the PEM file with its key", func(c *serveConfig) *string { return &c.Store.Key }),
		str("redis-tls-server-name", "REDIS_TLS_SERVER_NAME", "the name in its certificate, where it is not the address", func(c *serveConfig) *string { return &c.Store.ServerName }),
		boolean("redis-tls-insecure", "REDIS_TLS_INSECURE", "do not check its certificate; refused in production", func(c *serveConfig) *bool { return &c.Store.Insecure }),
	}
}

// refuseStore says why a store could not be opened like this.
func (c *serveConfig) refuseStore(say func(string, ...any)) {
	s := &c.Store
	if s.Insecure && c.Production {
		say("REDIS_TLS_INSECURE is refused in production: give the CA's certificate with REDIS_TLS_CA")
	}
	if _, err := s.configOf(s.payloads()); s.payloads().set() && err != nil {
		say("%v", err)
	}
	if !s.external() {
		c.refuseStoreRest(say)
		return
	}
	if _, err := s.redisConfig(); err != nil {
		say("%v", err)
	}
	if c.Backup.Dir != "" {
		say("--backup-dir is for a store in the data folder, and %s names a Redis: copies of Redis are made by Redis, and cordum backup export writes what is in it%s",
			s.at().name, s.orFolder())
	}
}

// refuseStoreRest says which settings have no effect without a Redis: whoever set them believes something else.
func (c *serveConfig) refuseStoreRest(say func(string, ...any)) {
	s := &c.Store
	var idle []string
	for name, set := range map[string]bool{
		"--init-store": s.Init, "--store-allow-loss": s.AllowLoss, "--store-wait-replicas": s.WaitReplicas > 0,
	} {
		if set {
			idle = append(idle, name)
		}
	}
	if len(idle) > 0 {
		slices.Sort(idle)
		say("%s is for a store in Redis: name it with REDIS_URL or --store, or leave it out", strings.Join(idle, ", "))
	}
}
