package sim

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

// allOnRedis plays every case over Redis, in place of a share.
var allOnRedis = flag.Bool("all-on-redis", false, "play every case over Redis too")

// onRedis is a store of its own on a server. Time passes there as for everybody; leases are of one owner and never matter.
func onRedis(server *redisd.Server, name string) opener {
	cfg := redis.Config{Addrs: []string{server.Addr}, Prefix: name, Partitions: partitions, InitEmpty: true, AllowLoss: true, Logger: quiet()}
	return func() (store.Store, error) { return redis.Open(context.Background(), cfg) }
}

// redisShare is how many cases one is played of.
const redisShare = 8

// TestCasesOnRedis plays cases on the real server over a real Redis, with the same outages.
func TestCasesOnRedis(t *testing.T) {
	server := redisd.Start(t)
	for _, suite := range suites {
		var played, outages atomic.Int64
		t.Run(suite.name, func(t *testing.T) {
			for i, c := range read(t, suite.files) {
				if !*allOnRedis && i%redisShare != 0 {
					continue
				}
				t.Run(c.ID, func(t *testing.T) {
					t.Parallel()
					apart(t, c)
					why, n, _ := playOn(t, c, awayIn(i, c), onRedis(server, fmt.Sprintf("%s%d", suite.name, i)))
					outages.Add(int64(n))
					played.Add(1)
					if len(why) > 0 {
						t.Errorf("%s:%d: the server was away %d times\n%s", c.File, c.Line, n, strings.Join(why, "\n"))
					}
				})
			}
		})
		t.Logf("%s: %d cases played over Redis, the server was away %d times", suite.name, played.Load(), outages.Load())
	}
}
