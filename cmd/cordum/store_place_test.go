package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/redisd"
)

// TestWhichRedisIsTheStore: the variables of an installation name the store and where payloads lie; --store wins for the store.
func TestWhichRedisIsTheStore(t *testing.T) {
	for _, tc := range []struct{ environ, args, store, addrs, payloads, title string }{
		{"", "", "", "", "", "the data folder"},
		{"REDIS_URL=", "", "", "", "", "the data folder"},
		{"REDIS_URL=redis://:hush@r/3", "", "REDIS_URL", "[r:6379]", "", "redis://r/3 (REDIS_URL)"},
		{"REDIS_CLUSTER_ADDRESSES=a:1,b:2", "", "REDIS_CLUSTER_ADDRESSES", "[a:1 b:2]", "", "redis+cluster://a:1,b:2 (REDIS_CLUSTER_ADDRESSES)"},
		{"REDIS_CLUSTER_ADDRESSES=a:1 REDIS_TLS_SERVER_NAME=n", "", "REDIS_CLUSTER_ADDRESSES", "[a:1]", "", "rediss+cluster://a:1 (REDIS_CLUSTER_ADDRESSES)"},
		{"REDIS_CLUSTER_ADDRESSES=a:1,b:2 REDIS_URL=rediss://:hush@r", "", "REDIS_URL", "[a:1 b:2]", "", "rediss+cluster://a:1,b:2 (REDIS_URL)"},
		{"REDIS_URL=redis+sentinel://a/m", "", "REDIS_URL", "[a:26379]", "", "redis+sentinel://a/m (REDIS_URL)"},
		{"REDIS_URL=redis://:hush@r", "--store=redis://s", "--store", "[s:6379]", "REDIS_URL", "redis://s"},
		{"REDIS_URL=redis://r CORDUM_STORE=redis://s", "", "--store", "[s:6379]", "REDIS_URL", "redis://s"},
		{"REDIS_URL=redis://r", "--store=folder", "", "", "REDIS_URL", "the data folder"},
		{"REDIS_CLUSTER_ADDRESSES=a:1 CORDUM_STORE=folder", "", "", "", "REDIS_CLUSTER_ADDRESSES", "the data folder"},
		{"REDIS_CLUSTER_ADDRESSES=a:1", "--store=redis+cluster://", "--store", "[a:1]", "", "redis+cluster://a:1"},
		{"REDIS_CLUSTER_ADDRESSES=a:1", "--store=redis://s", "--store", "[s:6379]", "REDIS_CLUSTER_ADDRESSES", "redis://s"},
		{"", "--redis-url=redis://r", "REDIS_URL", "[r:6379]", "", "redis://r (REDIS_URL)"},
	} {
		cfg, _, err := loadWith(t, strings.Fields(tc.environ), append(strings.Fields(tc.args), "--dev")...)
		if err != nil {
			t.Errorf("%s %s: %v", tc.environ, tc.args, err)
			continue
		}
		s := &cfg.Store
		addrs := ""
		if s.external() {
			conf, err := s.redisConfig()
			if err != nil {
				t.Errorf("%s %s: %v", tc.environ, tc.args, err)
			}
			if addrs = fmt.Sprint(conf.Addrs); (conf.TLS != nil) != strings.HasPrefix(tc.title, "rediss") || strings.Contains(tc.environ, "hush") && tc.payloads == "" && conf.Password != "hush" {
				t.Errorf("%s %s: TLS %t, a password of %d letters", tc.environ, tc.args, conf.TLS != nil, len(conf.Password))
			}
		}
		if s.at().name != tc.store || addrs != tc.addrs || s.payloads().name != tc.payloads || s.title() != tc.title {
			t.Errorf("%s %s: the store by %q at %s, payloads by %q, shown as %q", tc.environ, tc.args, s.at().name, addrs, s.payloads().name, s.title())
		}
	}
}

// TestRedisURLIsTheStore: an installation that says REDIS_URL and no more has its store, its payloads and its offline commands there.
func TestRedisURLIsTheStore(t *testing.T) {
	redis := redisd.Start(t, append([]string{"--requirepass", "hush-hush"}, redisd.Durable...)...)
	url := "REDIS_URL=redis://:hush-hush@" + redis.Addr + "/0"
	p := newProcess(t)
	p.mode = []string{"--dev"}
	t.Setenv("REDIS_URL", strings.TrimPrefix(url, "REDIS_URL="))
	p.refuses(t, "REDIS_URL", "there is no store", "--init-store", "--store folder")
	p.mode = []string{"--dev", "--init-store"}
	p.start()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(capSnapshot), nil); err != nil {
		t.Fatal(err)
	}
	p.startCAP("agent.py", url)
	var s runner.Started
	if err := p.call("POST", "/api/v1/workflows/snapshot/runs", "application/json", []byte(`{}`), &s); err != nil {
		t.Fatal(err)
	}
	p.ends(s.RunID)
	p.until("it says which store it is", func() bool { return strings.Contains(p.logged(), "redis://"+redis.Addr+"/0 (REDIS_URL)") })
	if strings.Contains(p.logged(), "hush-hush") {
		t.Errorf("it shows the password:\n%s", p.logged())
	}
	if folders, _ := filepath.Glob(filepath.Join(p.dir, "data", "*.sst")); len(folders) > 0 {
		t.Errorf("something is in the folder: %v", folders)
	}
	p.terminate()
	for _, args := range [][]string{{"store", "dump", s.RunID}, {"backup", "export"}, {"store", "upgrade", "--dry-run"}} {
		r := cordum(t.Context(), "", []string{url}, args...)
		if r.code != 0 || r.out == "" || strings.Contains(r.out+r.errOut, "hush-hush") {
			t.Errorf("%v: %d\n%s%s", args, r.code, r.out, r.errOut)
		}
	}
}
