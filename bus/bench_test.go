package bus_test

import (
	"context"
	"testing"

	"cordum.dev/cordum/bus"
)

// BenchmarkRoundTrip is a request and its answer between the engine's connection and a worker's.
func BenchmarkRoundTrip(b *testing.B) {
	s := startServer(b, bus.ServerConfig{Open: true})
	engine := connect(b, bus.ConnectConfig{InProcess: s})
	tcp := connect(b, bus.ConnectConfig{URL: s.URL()})
	worker := connect(b, bus.ConnectConfig{URL: s.URL()})
	for name, from := range map[string]*bus.NATS{"in process": engine, "loopback": tcp} {
		b.Run(name, func(b *testing.B) {
			subscribe(b, from, name[:2], "", func(m bus.Msg) { from.Publish(m.Reply, m.Data) })
			data := make([]byte, 300)
			b.Run("alone", func(b *testing.B) {
				for b.Loop() {
					if _, err := worker.Request(context.Background(), name[:2], data); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("64 in flight", func(b *testing.B) {
				b.SetParallelism(32)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := worker.Request(context.Background(), name[:2], data); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		})
	}
}
