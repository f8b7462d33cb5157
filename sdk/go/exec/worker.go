//go:build unix

package exec

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	cordum "cordum.dev/cordum/sdk/go"
)

// NewWorker finds the programs of a configuration, checks them, and makes the worker. base says how it connects; what the
// configuration says of who it is goes first. Nothing is started.
func NewWorker(c *Config, base cordum.WorkerConfig) (*cordum.Worker, error) {
	tools, err := c.tools(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if c.ID != "" {
		base.ID = c.ID
	}
	if c.Pool != "" {
		base.Pool = c.Pool
	}
	if c.Capacity != 0 {
		base.Capacity = c.Capacity
	}
	base.Capabilities = append(slices.Clone(base.Capabilities), c.Capabilities...)
	labels := map[string]string{}
	for name, v := range c.Labels {
		labels[name] = v
	}
	for _, t := range tools {
		labels["exec:"+t.topic()] = t.advert()
	}
	base.Labels = labels
	w, err := cordum.NewWorker(base)
	if err != nil {
		return nil, err
	}
	for _, t := range tools {
		cordum.RegisterTopic(w, t.topic(), t.call)
	}
	return w, nil
}

// Check finds and checks the programs of a configuration, and starts nothing.
func (c *Config) Check() error {
	_, err := c.tools(os.LookupEnv)
	return err
}

// advert is what a worker's labels say of a tool.
func (t *tool) advert() string {
	text := t.Effect
	if t.Idempotent {
		text += " idempotent"
	}
	if len(t.RiskTags) > 0 {
		text += " risk=" + strings.Join(t.RiskTags, ",")
	}
	return text
}

func (c *Config) tools(env func(string) (string, bool)) ([]*tool, error) {
	var secrets []string
	for _, name := range c.SecretEnv {
		if v, _ := env(name); len(v) >= minSecret {
			secrets = append(secrets, v)
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var out []*tool
	var problems []error
	seen := map[string]bool{}
	for _, said := range c.Tools {
		t, err := newTool(said, append(slices.Clone(c.PassEnv), said.PassEnv...), env)
		if err == nil && seen[t.topic()] {
			err = errors.New("another tool has the same topic")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("tool %s: %w", said.topic(), err))
			continue
		}
		seen[t.topic()] = true
		t.secrets = secrets
		out = append(out, t)
	}
	return out, errors.Join(problems...)
}

func newTool(said Tool, pass []string, env func(string) (string, bool)) (*tool, error) {
	p, err := findProgram(said.Command, said.SHA256)
	if err != nil {
		return nil, err
	}
	t := &tool{Tool: said, program: p, env: map[string]template{}, patterns: map[string]*regexp.Regexp{}}
	places := said.Concurrency
	if places == 0 {
		places = unlimitedPlaces
	}
	t.places = make(chan struct{}, places)
	for _, arg := range said.Args {
		parsed, err := parseTemplate(arg)
		if err != nil {
			return nil, err
		}
		t.args = append(t.args, parsed)
	}
	if t.stdin, err = parseTemplate(said.Stdin); err != nil {
		return nil, err
	}
	for name, text := range said.Env {
		if t.env[name], err = parseTemplate(text); err != nil {
			return nil, err
		}
	}
	for name, f := range said.Input {
		t.patterns[name] = wholly(f.Pattern)
	}
	slices.Sort(pass)
	for _, name := range slices.Compact(pass) {
		if v, set := env(name); set {
			t.passed = append(t.passed, name+"="+v)
		}
	}
	return t, nil
}
