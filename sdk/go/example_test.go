package cordum_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

type greeting struct {
	Name string `json:"name"`
}

// A worker with one tool. In place of an engine, the example sends one job itself and prints what comes back.
func Example() {
	server, err := bus.NewServer(bus.ServerConfig{Open: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	w, err := cordum.NewWorker(cordum.WorkerConfig{URL: server.URL(), ID: "w1", Pool: "demo", Capacity: 8})
	if err != nil {
		log.Fatal(err)
	}
	cordum.Register(w, "demo", "greet", func(_ context.Context, _ cordum.Job, in greeting) (string, error) {
		return "hello " + in.Name, nil
	})
	ctx, stop := context.WithCancel(context.Background())
	result := sendJob(server, `{"name":"world"}`, stop)
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-result)
	// Output: "hello world"
}

// sendJob sends a job when the worker's first heartbeat comes, and stops the worker when it has the result.
func sendJob(server *bus.Server, input string, stop func()) <-chan string {
	engine, err := bus.Connect(bus.ConnectConfig{InProcess: server})
	if err != nil {
		log.Fatal(err)
	}
	result, sent := make(chan string, 1), false
	publish := func(subject string, p *wire.BusPacket) {
		data, err := proto.Marshal(p)
		if err == nil {
			err = engine.Publish(subject, data)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	onBeat := func(bus.Msg) {
		if !sent {
			sent = true
			publish(bus.WorkerJobs("w1"), &wire.BusPacket{Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{
				JobId: "1", Token: []byte("t"), Topic: "job.demo.greet", Input: []byte(input), AnswerSubject: bus.Part(0),
			}}})
		}
	}
	onAnswer := func(m bus.Msg) {
		var p wire.BusPacket
		if err := proto.Unmarshal(m.Data, &p); err != nil {
			log.Fatal(err)
		}
		publish(m.Reply, &wire.BusPacket{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: wire.AckCode_ACK_CODE_OK}}})
		result <- string(p.GetJobResult().GetOutput())
		stop()
	}
	for subject, handle := range map[string]bus.Handler{wire.SubjectHeartbeats: onBeat, bus.Part(0): onAnswer} {
		if _, err := engine.Subscribe(subject, "", handle); err != nil {
			log.Fatal(err)
		}
	}
	if err := engine.Flush(); err != nil {
		log.Fatal(err)
	}
	return result
}
