package engine

import "cordum.dev/cordum/internal/codec"

// This file is the stored encoding of facts: the order of fields is the format. Fields are only added at the end.

// Fields describes the stored form.
func (f *RunStarted) Fields(c *codec.Codec) {
	c.String(&f.Tenant)
	c.String(&f.Workflow)
	c.String(&f.Digest)
	codec.Enum(c, &f.RunKind)
	c.String(&f.RerunOf)
	c.Strings(&f.Labels)
	f.Input.fields(c)
	f.Context.fields(c)
	c.Time(&f.TimeoutAt)
}

// Fields describes the stored form.
func (*RunPaused) Fields(*codec.Codec) {}

// Fields describes the stored form.
func (*RunResumed) Fields(*codec.Codec) {}

// Fields describes the stored form.
func (f *StopBegun) Fields(c *codec.Codec) {
	codec.Enum(c, &f.Stop)
	c.Int32(&f.Step)
	c.Bool(&f.Handlers)
}

// Fields describes the stored form.
func (f *RunEnded) Fields(c *codec.Codec) {
	codec.Enum(c, &f.State)
	f.Output.fields(c)
	f.Failure.Fields(c)
}

// Fields describes the stored form.
func (f *RunFaultedFact) Fields(c *codec.Codec) { c.String(&f.Error) }

// Fields describes the stored form.
func (f *JobAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.String(&f.Topic)
	c.String(&f.Pack)
	c.String(&f.Tool)
	f.Input.fields(c)
	c.Time(&f.TotalAt)
}

// Fields describes the stored form.
func (f *ApprovalAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Title)
	codec.Raw(c, &f.Context)
	c.Time(&f.ExpiresAt)
}

// Fields describes the stored form.
func (f *DelaySet) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Time(&f.Due)
}

// Fields describes the stored form.
func (f *StepSucceededFact) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	f.Output.fields(c)
}

// Fields describes the stored form.
func (f *StepEnded) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.State)
	f.Failure.Fields(c)
}

// Fields describes the stored form.
func (f *StepSkippedFact) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.Reason)
}

// Fields describes the stored form.
func (f *RetrySet) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	f.Failure.Fields(c)
	c.Time(&f.Due)
}

// Fields describes the stored form.
func (f *RetryDue) Fields(c *codec.Codec) { c.Int32(&f.Step) }

// Fields describes the stored form.
func (f *JobStopAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Force)
}

// Fields describes the stored form.
func (f *SignalReceived) Fields(c *codec.Codec) {
	c.String(&f.Name)
	f.Payload.fields(c)
}

// Fields describes the stored form.
func (f *LateResult) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.String(&f.Outcome)
}

// Fields describes the stored form.
func (f *Swept) Fields(c *codec.Codec) { c.Int32(&f.Next) }
