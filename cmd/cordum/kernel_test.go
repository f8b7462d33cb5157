package main

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/freeport"
)

// kernelProcess is a safety kernel of its own, beside a server.
type kernelProcess struct {
	*process
	addr   string // of its gRPC
	policy string // its file
	env    []string
	ask    []string // the environment of who asks it
}

const testKernelToken = "0123456789abcdef0123456789abcdef"

// newKernelProcess makes a server that asks a kernel over TLS and with a token.
func newKernelProcess(t *testing.T) (*process, *kernelProcess) {
	t.Helper()
	p := newProcess(t)
	cert, key := certify(t, p.dir)
	k := &kernelProcess{process: &process{t: t, dir: p.dir, log: p.log}, addr: freeport.Addr(t), policy: filepath.Join(p.dir, "policy.yaml")}
	k.env = []string{
		"SAFETY_KERNEL_ADDR=" + k.addr, "SAFETY_KERNEL_TOKEN=" + testKernelToken, "SAFETY_KERNEL_TLS_CERT=" + cert,
		"SAFETY_KERNEL_TLS_KEY=" + key, "SAFETY_POLICY_RELOAD_INTERVAL=50ms",
	}
	t.Cleanup(k.kill)
	k.decide("default: ALLOW\n")
	k.ask = []string{"SAFETY_KERNEL_ADDR=" + k.addr, "SAFETY_KERNEL_TOKEN=" + testKernelToken, "SAFETY_KERNEL_TLS_CA=" + cert}
	return p, k
}

// certify writes a certificate for loopback, which is its own authority, and its key.
func certify(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "kernel.pem"), filepath.Join(dir, "kernel.key")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// decide replaces the policy at once, as an operator would.
func (k *kernelProcess) decide(policy string) {
	k.t.Helper()
	if err := os.WriteFile(k.policy+".new", []byte(policy), 0o600); err != nil {
		k.t.Fatal(err)
	}
	if err := os.Rename(k.policy+".new", k.policy); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kernelProcess) start() {
	k.t.Helper()
	path, err := binaries[""]()
	if err != nil {
		k.t.Fatal(err)
	}
	cmd, gone := exec.Command(path, "kernel", "--policy", k.policy), make(chan struct{})
	cmd.Env = append(os.Environ(), k.env...)
	cmd.Stdout, cmd.Stderr = k.log, k.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.cmd, k.gone = cmd, gone
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
}

// metric is the value of a metric without labels.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	res, err := http.Get("http://" + p.addr + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return value
		}
	}
	p.t.Fatalf("there is no metric %s", name)
	return 0
}

// submit submits a job and answers its id.
func (p *process) submit() string {
	p.t.Helper()
	var job runner.JobView
	if err := p.call("POST", "/api/v1/jobs", "application/json", []byte(`{"topic":"job.kill.fast"}`), &job); err != nil {
		p.t.Fatal(err)
	}
	return job.ID
}

// state is a job's state, in capitals.
func (p *process) state(job string) string {
	p.t.Helper()
	var v runner.JobView
	if err := p.call("GET", "/api/v1/jobs/"+job, "", nil, &v); err != nil {
		p.t.Fatal(err)
	}
	return strings.ToUpper(v.State)
}

// became waits until a job is in a state.
func (p *process) became(job, state string) {
	p.t.Helper()
	p.until("job "+job+" is "+state, func() bool { return p.state(job) == state })
}

// TestKernelAway stops the kernel with -9 while jobs come: they wait, are counted, and go through no back door, not even over
// the server's own death. When the kernel is back, each of them is decided and done, once.
func TestKernelAway(t *testing.T) {
	p, k := newKernelProcess(t)
	p.start(k.ask...)
	ledger := p.startWorker()
	early := p.submit() // before there ever was a kernel
	k.start()
	p.became(early, "SUCCEEDED")

	k.kill()
	jobs := []string{early}
	for range 20 {
		jobs = append(jobs, p.submit())
	}
	waiting := func() {
		t.Helper()
		before := p.metric("cordum_safety_unavailable_total")
		p.until("the server has asked in vain", func() bool {
			return p.metric("cordum_safety_unavailable_total") >= before+20
		})
		for _, job := range jobs[1:] {
			if got := p.state(job); got != "PENDING" {
				t.Errorf("job %s is %s without a decision", job, got)
			}
		}
		if done := readLedger(t, ledger); len(done) != 1 {
			t.Errorf("the worker was given %d jobs, want the first alone", len(done))
		}
	}
	waiting()
	p.kill()
	p.start(k.ask...)
	waiting()

	k.start()
	for _, job := range jobs {
		p.became(job, "SUCCEEDED")
	}
	var done []string
	for _, e := range readLedger(t, ledger) {
		done = append(done, e.Run)
	}
	if slices.Sort(done); len(done) != len(jobs) || len(slices.Compact(done)) != len(jobs) {
		t.Errorf("%d jobs were executed, want each of %d once", len(done), len(jobs))
	}
}

// TestKernelReloads changes the kernel's policy under a server that asks it, and breaks it: what is broken leaves what was
// in force.
func TestKernelReloads(t *testing.T) {
	p, k := newKernelProcess(t)
	k.start()
	p.start(k.ask...)
	p.startWorker()
	p.became(p.submit(), "SUCCEEDED")
	eventually := func(state string) {
		t.Helper()
		p.until("a job becomes "+state, func() bool {
			job, got := p.submit(), ""
			p.until("the job ends", func() bool { got = p.state(job); return got == "SUCCEEDED" || got == "DENIED" })
			return got == state
		})
	}
	k.decide("default: ALLOW\nname: n\nrules: [{id: no, match: {topics: job.kill.fast}, decision: DENY, reason: not today}]\n")
	eventually("DENIED")
	k.decide("default: ALLOW\nrules: [")
	p.until("the kernel says that it cannot use the file", func() bool {
		raw, err := os.ReadFile(p.log.Name())
		return err == nil && strings.Contains(string(raw), "policy.yaml")
	})
	p.became(p.submit(), "DENIED")
	k.decide("default: ALLOW\n")
	eventually("SUCCEEDED")
}

func TestKernelRefusesToStart(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir)
	policy := writeFile(t, "policy.yaml", "default: ALLOW\n")
	open := filepath.Join(dir, "open.key")
	raw, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(open, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		environ []string
		args    []string
		want    []string
	}{
		{"no policy", nil, nil, []string{"--policy"}},
		{"a policy that is not there", nil, []string{"--policy", "no/such.yaml"}, []string{"no/such.yaml"}},
		{"open to others without TLS", nil, []string{"--policy", policy, "--addr", ":0"}, []string{"SAFETY_KERNEL_TLS_CERT"}},
		{"a certificate without a key", nil, []string{"--policy", policy, "--tls-cert", cert}, []string{"SAFETY_KERNEL_TLS_KEY"}},
		{"a key of another kind", nil, []string{"--policy", policy, "--tls-cert", cert, "--tls-key", cert}, []string{"SAFETY_KERNEL_TLS_CERT"}},
		{"a key that everybody can read", nil, []string{"--policy", policy, "--tls-cert", cert, "--tls-key", open}, []string{"chmod 600"}},
		{"client certificates without TLS", nil, []string{"--policy", policy, "--tls-client-ca", cert}, []string{"needs TLS"}},
		{"no authority", nil, []string{"--policy", policy, "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", key}, []string{"SAFETY_KERNEL_CLIENT_CA"}},
		{"a short token", []string{"SAFETY_KERNEL_TOKEN=short"}, []string{"--policy", policy}, []string{"SAFETY_KERNEL_TOKEN", "openssl"}},
		{"production", []string{"CORDUM_ENV=production", "CORDUM_TLS_MIN_VERSION=1.2"}, []string{"--policy", policy}, []string{"needs TLS", "SAFETY_POLICY_PUBLIC_KEY", "1.3"}},
		{"a bad address", nil, []string{"--policy", policy, "--addr", "nowhere"}, []string{"--addr"}},
	} {
		var out, errOut strings.Builder
		a := &app{environ: tc.environ, out: &out, errOut: &errOut}
		if code := execute(t.Context(), append([]string{"kernel"}, tc.args...), a); code != exitUsage {
			t.Errorf("%s: exit %d", tc.name, code)
		}
		for _, want := range tc.want {
			if !strings.Contains(errOut.String(), want) {
				t.Errorf("%s: %q does not say %q", tc.name, errOut.String(), want)
			}
		}
	}
}

func TestServeRefusesToAskLikeThis(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir)
	for _, tc := range []struct {
		name    string
		environ []string
		want    []string // each in one line; none: it starts
	}{
		{"a kernel on this machine", []string{"SAFETY_KERNEL_ADDR=127.0.0.1:50052"}, nil},
		{"with everything", []string{
			"SAFETY_KERNEL_ADDR=kernel.example:50052", "SAFETY_KERNEL_TLS_REQUIRED=true", "SAFETY_KERNEL_TLS_CA=" + cert,
			"SAFETY_KERNEL_CLIENT_CERT=" + cert, "SAFETY_KERNEL_CLIENT_KEY=" + key, "SAFETY_KERNEL_TOKEN=" + testKernelToken,
		}, nil},
		{"settings of nobody", []string{"SAFETY_KERNEL_TLS_CA=" + cert, "SAFETY_KERNEL_TOKEN=" + testKernelToken}, []string{"SAFETY_KERNEL_ADDR"}},
		{"no authority", []string{"SAFETY_KERNEL_ADDR=127.0.0.1:1", "SAFETY_KERNEL_TLS_CA=" + key}, []string{"SAFETY_KERNEL_TLS_CA"}},
		{"half a pair", []string{"SAFETY_KERNEL_ADDR=127.0.0.1:1", "SAFETY_KERNEL_CLIENT_KEY=" + key}, []string{"SAFETY_KERNEL_CLIENT_CERT"}},
		{"a short token", []string{"SAFETY_KERNEL_ADDR=127.0.0.1:1", "SAFETY_KERNEL_TOKEN=x"}, []string{"SAFETY_KERNEL_TOKEN"}},
	} {
		cfg, _, err := loadWith(t, tc.environ, "--dev")
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		why := cfg.refuse(&app{environ: tc.environ})
		if len(why) != len(tc.want) {
			t.Errorf("%s: refused for %q", tc.name, why)
			continue
		}
		for i, want := range tc.want {
			if !strings.Contains(why[i], want) {
				t.Errorf("%s: %q does not say %q", tc.name, why[i], want)
			}
		}
	}
	cfg, _, err := loadWith(t, []string{"SAFETY_KERNEL_ADDR=127.0.0.1:1", "CORDUM_ENV=production"})
	if err != nil || !cfg.asksOverTLS() {
		t.Errorf("production asks without TLS (%v)", err)
	}
}
