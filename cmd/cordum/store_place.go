package main

import (
	"fmt"
	"strings"
)

// folderStore is what --store says for the data folder, where REDIS_URL is set for payloads alone.
const folderStore = "folder"

// Variables that name the Redis of an installation.
const (
	redisVariable   = "REDIS_URL"
	clusterVariable = "REDIS_CLUSTER_ADDRESSES"
)

// redisPlace is a Redis that settings name; zero: none.
type redisPlace struct {
	name  string   // of the setting, for people
	url   string   // may hold a password
	nodes []string // of the cluster, where url names none, or only one of its nodes
}

func (at redisPlace) set() bool { return at.url != "" }

// secure tells whether the address says TLS.
func (at redisPlace) secure() bool { return strings.HasPrefix(at.url, "rediss") }

// cluster tells whether it is one, also where one node is named.
func (at redisPlace) cluster() bool {
	return len(at.nodes) > 0 || strings.Contains(at.url, "+cluster://")
}

// at is the Redis that the store is in: the one place that decides it. --store wins over the variables of the installation.
func (c *storeSettings) at() redisPlace {
	switch c.URL {
	case folderStore:
		return redisPlace{}
	case "":
		return c.shared()
	}
	at := redisPlace{name: "--store", url: c.URL}
	if strings.Contains(c.URL, "+cluster://") { // of another kind of store the nodes are not
		at.nodes = c.Cluster
	}
	return at
}

// shared is the Redis of the installation, which plain CAP workers use, too.
func (c *storeSettings) shared() redisPlace {
	switch {
	case c.Redis != "":
		return redisPlace{name: redisVariable, url: c.Redis, nodes: c.Cluster}
	case len(c.Cluster) == 0 || strings.Contains(c.URL, "+cluster://"):
		return redisPlace{}
	case c.saysTLS():
		return redisPlace{name: clusterVariable, url: "rediss+cluster://", nodes: c.Cluster}
	}
	return redisPlace{name: clusterVariable, url: "redis+cluster://", nodes: c.Cluster}
}

// payloads is the Redis of payloads that is not the store's.
func (c *storeSettings) payloads() redisPlace {
	if c.URL == "" {
		return redisPlace{}
	}
	return c.shared()
}

// external tells whether the store is a server of its own.
func (c *storeSettings) external() bool { return c.at().set() }

// saysTLS tells whether something is set about how connections are secured.
func (c *storeSettings) saysTLS() bool {
	return c.CA != "" || c.Cert != "" || c.Key != "" || c.ServerName != "" || c.Insecure
}

// title says in a banner which store it is, and by which setting, where that was not --store.
func (c *storeSettings) title() string {
	switch at := c.at(); {
	case !at.set():
		return "the data folder"
	case c.URL == "":
		return c.withoutPassword() + " (" + at.name + ")"
	}
	return c.withoutPassword()
}

// orFolder is what to do where a Redis was meant for payloads alone; empty where --store was given.
func (c *storeSettings) orFolder() string {
	if c.URL != "" {
		return ""
	}
	return fmt.Sprintf("\n  if %s is for payloads of plain CAP workers alone, and the store in the data folder: --store %s (CORDUM_STORE=%s)",
		c.at().name, folderStore, folderStore)
}

// withoutPassword is the address of the store as a person may see it.
func (c *storeSettings) withoutPassword() string {
	at := c.at()
	u, err := parseStoreURL(at.url)
	if err != nil {
		return "Redis"
	}
	scheme, host := u.Scheme, u.Host
	if len(at.nodes) > 0 && (host == "" || !strings.Contains(scheme, "+")) {
		scheme, _, _ = strings.Cut(scheme, "+")
		scheme, host = scheme+"+cluster", strings.Join(at.nodes, ",")
	}
	return scheme + "://" + host + u.Path
}

// wrap says of which store an error is.
func (c *storeSettings) wrap(err error) error {
	return fmt.Errorf("%s: %s: %w%s", c.at().name, c.withoutPassword(), err, c.unheard(err))
}
