package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store/redis"
)

func TestStoreAddresses(t *testing.T) {
	cluster := []string{"n1:6379", "n2:7000"}
	for text, want := range map[string]redis.Config{
		"redis://h":                        {Addrs: []string{"h:6379"}},
		"redis://h:7/3":                    {Addrs: []string{"h:7"}, DB: 3},
		"redis://ann:p%40ss@h":             {Addrs: []string{"h:6379"}, Username: "ann", Password: "p@ss"},
		"redis://:p@[::1]:7":               {Addrs: []string{"[::1]:7"}, Password: "p"},
		"redis+sentinel://a,b:1/main":      {Addrs: []string{"a:26379", "b:1"}, MasterName: "main"},
		"redis+sentinel://u:p@a/main?db=2": {Addrs: []string{"a:26379"}, MasterName: "main", Username: "u", Password: "p", DB: 2},
		"redis+cluster://a,b:7000":         {Addrs: []string{"a:6379", "b:7000"}},
		"redis+cluster://":                 {Addrs: cluster},
		"redis+sentinel://a/m?sentinel_username=s&sentinel_password=q": {
			Addrs: []string{"a:26379"}, MasterName: "m", SentinelUsername: "s", SentinelPassword: "q",
		},
	} {
		s := storeSettings{URL: text, Cluster: cluster}
		got, err := s.redisConfig()
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if shown := s.withoutPassword(); strings.Contains(shown, "p@") || strings.Contains(shown, "=q") {
			t.Errorf("%s is shown as %s", text, shown)
		}
	}
	secret := storeSettings{URL: "rediss://h", Password: "later", ServerName: "name"}
	if got, err := secret.redisConfig(); err != nil || got.Password != "later" || got.TLS == nil || got.TLS.ServerName != "name" {
		t.Errorf("%+v, %v", got, err)
	}
	for text, word := range map[string]string{
		"h:6379":                        "write it like redis://",
		"http://h":                      "is no kind of store",
		"redis+ring://h":                "is no kind of store",
		"redis://":                      "names no host",
		"redis://a,b":                   "redis+cluster://",
		"redis://h/x":                   "no number of a database",
		"redis://h:99999":               "no HOST:PORT",
		"redis://h?ttl=1":               `no option "ttl"`,
		"redis+cluster://h/1":           "only database 0",
		"redis+sentinel://h":            "the name by which Sentinels know the primary",
		"redis://:hush-%zz@h":           "cannot be read",
		"rediss+cluster://h/1?hush=hus": `no option "hush"`,
	} {
		s := storeSettings{URL: text}
		if _, err := s.redisConfig(); err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "hush-") {
			t.Errorf("%s: %v, want %q", text, err, word)
		}
	}
	plain := storeSettings{URL: "redis://h", CA: "x"}
	if _, err := plain.redisConfig(); err == nil || !strings.Contains(err.Error(), "rediss") {
		t.Errorf("files for TLS without it: %v", err)
	}
	for _, s := range []storeSettings{{CA: "none.pem"}, {Cert: "none.pem"}, {Cert: "none.pem", Key: "none.pem"}} {
		s.URL = "rediss://h"
		if _, err := s.redisConfig(); err == nil || !strings.Contains(err.Error(), "REDIS_TLS_") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestStoreSettingsRefused(t *testing.T) {
	for want, change := range map[string]func(*serveConfig){
		"REDIS_URL: it names no host":          func(c *serveConfig) { c.Store.Redis = "redis://" },
		"REDIS_URL: REDIS_TLS_… is set":        func(c *serveConfig) { c.Store.Redis, c.Store.CA = "redis://h", "x" },
		"--init-store is for a store in Redis": func(c *serveConfig) { c.Store.Init = true },
		"REDIS_TLS_INSECURE is refused":        func(c *serveConfig) { c.Store.URL, c.Store.Insecure, c.Production = "rediss://h", true, true },
		"--backup-dir is for":                  func(c *serveConfig) { c.Store.URL, c.Backup.Dir = "redis://h", "x" },
		"is no kind of store":                  func(c *serveConfig) { c.Store.URL = "etcd://h" },
	} {
		c := defaultServeConfig()
		change(&c)
		var why []string
		c.refuseStore(func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) })
		if !slices.ContainsFunc(why, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%q, want %q", why, want)
		}
	}
}

// TestStoreRefusals: a Redis that would lose data, or that is empty, is refused with what to do; the loss can be taken.
func TestStoreRefusals(t *testing.T) {
	server := redisd.Start(t, redisd.Durable...)
	p := newProcess(t)
	url := storeURL("redis", server)
	p.mode = []string{"--dev", "--store", url}
	p.refuses(t, "there is no store", "--init-store", url)
	p.on(url)
	server.Do("config", "set", "maxmemory-policy", "allkeys-lru")
	p.refuses(t, "maxmemory-policy is allkeys-lru", "set it to noeviction", "--store-allow-loss")
	server.Do("config", "set", "maxmemory-policy", "noeviction")
	server.Do("config", "set", "appendonly", "no")
	p.refuses(t, "appendonly is no", "set it to yes")
	p.mode = append(p.mode, "--store-allow-loss")
	p.start()
	for _, want := range []string{"settings lose data", "acknowledged means in memory of the primary (appendonly no)"} {
		p.until("the server has said: "+want, func() bool { return strings.Contains(p.logged(), want) })
	}
	p.terminate()
	p.mode = []string{"--dev", "--store", url}
	server.Do("config", "set", "appendonly", "yes")
	other := redisd.Start(t, redisd.Durable...)
	p.start()
	p.terminate()
	p.on(storeURL("redis", other))
	p.refuses(t, "there is no store", "was there", filepath.Join(p.dir, "data", "store-seen.json"))
}
