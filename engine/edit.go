package engine

import (
	"bytes"

	"cordum.dev/cordum/internal/codec"
)

type (
	// EditInput gives a job that waits for people another input than was rendered.
	EditInput struct {
		Stamp
		Step    int32
		Attempt int32
		Input   Payload
	}
	// InputEdited: a person gave a job another input.
	InputEdited struct {
		Step  int32
		Input Payload
	}
)

// Kind is the fact's stored number.
func (*InputEdited) Kind() FactKind { return KindInputEdited }

// Fields describes the stored form.
func (f *InputEdited) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	f.Input.fields(c)
}

// edit replaces the input of a job that only waits for people: nobody has begun it.
func (d *decision) edit(in EditInput) error {
	r := d.run
	if !r.active() || in.Step < 0 || int(in.Step) >= len(r.Steps) {
		return &Refusal{"not_waiting", "the job does not wait for an approval"}
	}
	if s := &r.Steps[in.Step]; s.State != StepRunning || s.Attempt != in.Attempt || !s.idle {
		return &Refusal{"not_waiting", "the job does not wait for an approval"}
	}
	if old := r.Steps[in.Step].Input; old.Blob == in.Input.Blob && bytes.Equal(old.Data, in.Input.Data) {
		return nil // it is so
	}
	d.fact(&InputEdited{Step: in.Step, Input: in.Input})
	return nil
}
