package bus_test

import (
	"context"
	"fmt"
	"log"

	"cordum.dev/cordum/bus"
)

// A request over the embedded server, with no port open.
func Example() {
	server, err := bus.NewServer(bus.ServerConfig{DontListen: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	b, err := bus.Connect(bus.ConnectConfig{InProcess: server})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()

	if _, err := b.Subscribe("greet", "", func(m bus.Msg) {
		if err := b.Publish(m.Reply, append([]byte("hello "), m.Data...)); err != nil {
			log.Fatal(err)
		}
	}); err != nil {
		log.Fatal(err)
	}
	answer, err := b.Request(context.Background(), "greet", []byte("world"))
	fmt.Println(string(answer), err)
	// Output: hello world <nil>
}
