package runner_test

import (
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
)

// TestPlainWordsOfStrangers: where workers show who they are, what one says without an attempt's token counts only where its
// credential is for the job's topic, and nowhere beside the subjects on which it is asked who it is.
func TestPlainWordsOfStrangers(t *testing.T) {
	synctestWorld(t, runner.Trust{Attestation: runner.Enforce}, func(t *testing.T, w *world) {
		owner := w.credential(runner.CredentialSpec{Worker: "owner", Topics: []string{"job.t.work"}, CAP: true})
		thief := w.credential(runner.CredentialSpec{Worker: "thief", Topics: []string{"job.t.other"}, CAP: true})
		k := w.newPlainWorker("owner", nil, "job.t.work")
		w.put("id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: none}\n")
		run := w.run("plain", `{}`)
		job := k.next()
		time.Sleep(time.Second)

		result := func(worker, token string) *wire.BusPacket {
			p := resultOf(job, nil, worker)
			p.AuthToken = token
			return p
		}
		progress := func(worker, token string) *wire.BusPacket {
			return &wire.BusPacket{AuthToken: token, Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
				JobId: job.JobId, WorkerId: worker, Percent: 66, Message: "said by " + worker,
			}}}
		}
		part, err := id.Partition(run)
		if err != nil {
			t.Fatal(err)
		}
		for subject, p := range map[string]*wire.BusPacket{
			"part of a stranger": progress("thief", ""), "part of the thief": progress("thief", thief), "part as the owner": progress("owner", ""),
		} {
			w.send(bus.Part(part), p)
			time.Sleep(10 * time.Second)
			if got := w.step(run, "a").Progress; got != nil {
				t.Fatalf("%s: progress %+v", subject, got)
			}
		}
		for name, p := range map[string]*wire.BusPacket{
			"nobody": result("thief", ""), "as the owner": result("owner", thief), "the thief": result("thief", thief),
		} {
			w.send(bus.SubjectResult, p)
			time.Sleep(10 * time.Second)
			if v := w.view(run); v.EndedAt != nil {
				t.Fatalf("%s ended it: %+v", name, v.Steps[0])
			}
		}
		w.send(bus.SubjectProgress, progress("thief", thief))
		time.Sleep(10 * time.Second)
		if got := w.step(run, "a").Progress; got != nil {
			t.Fatalf("the thief's progress %+v", got)
		}
		w.send(bus.SubjectProgress, progress("owner", owner))
		w.until("the owner's progress shows", func() bool { p := w.step(run, "a").Progress; return p != nil && p.Percent == 66 })
		w.send(bus.SubjectResult, result("owner", owner))
		w.states(w.ended(run), "a=succeeded")
	})
}
