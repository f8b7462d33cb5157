package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cordum.dev/cordum/internal/yamlx"
)

const localCluster = "../scripts/local-cluster"

// service is what is started under one name.
type service struct {
	environment map[string]string
	command     []string
	image       string
}

// composed reads the services of compose.yaml.
func composed(t *testing.T) map[string]service {
	t.Helper()
	src, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	root, err := yamlx.Parse(src, yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]service{}
	for _, f := range root.Get("services").Fields {
		s := service{environment: map[string]string{}, image: f.Value.Get("image").Str}
		for _, e := range f.Value.Get("environment").Fields {
			s.environment[e.Key] = e.Value.Str
		}
		for _, arg := range f.Value.Get("command").Items {
			s.command = append(s.command, arg.Str)
		}
		if f.Value.Get("healthcheck") == nil || f.Value.Get("volumes") == nil {
			t.Errorf("%s has no health check, or keeps nothing", f.Key)
		}
		out[f.Key] = s
	}
	return out
}

// planned reads what scripts/local-cluster would start.
func planned(t *testing.T) map[string]service {
	t.Helper()
	plan := exec.Command(localCluster, "plan", t.TempDir())
	plan.Env = append(os.Environ(), "NATS_SERVER_BIN=nats-server", "CORDUM_BIN=cordum")
	text, err := plan.Output()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]service{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		kind, what, _ := strings.Cut(rest, "\t")
		s, known := out[name]
		if !known {
			s.environment = map[string]string{}
		}
		if kind == "environment" {
			key, value, _ := strings.Cut(what, "=")
			s.environment[key] = value
		} else {
			s.command = append(s.command, what)
		}
		out[name] = s
	}
	return out
}

// differs are settings that say where something is or what is secret: that they are set is all that both have in common. Any other
// has one value.
var differs = regexp.MustCompile(`_ADDR$|_DIR$|_PATH$|_URL$|_PASSWORD$|_KEY$|_AUTH$|^CORDUM_STORE$|^CORDUM_INIT_STORE$|^NODE_(LISTEN|MONITOR|CLUSTER|DATA|ROUTES)$`)

// TestBothWaysStartTheSame compares the containers with the processes of the script: names, settings, and configuration files.
func TestBothWaysStartTheSame(t *testing.T) {
	containers, processes := composed(t), planned(t)
	for name := range processes {
		if _, is := containers[name]; !is {
			t.Errorf("%s is started by the script alone", name)
		}
	}
	for name, c := range containers {
		p, is := processes[name]
		if !is {
			t.Errorf("%s is started by compose.yaml alone", name)
			continue
		}
		for key, value := range c.environment {
			other, is := p.environment[key]
			if !is || other != value && !differs.MatchString(key) {
				t.Errorf("%s: %s is %q in compose.yaml, %q in the script", name, key, value, other)
			}
		}
		for key := range p.environment {
			if _, is := c.environment[key]; !is {
				t.Errorf("%s: %s is set by the script alone", name, key)
			}
		}
		if a, b := configuration(c.command), configuration(p.command); !slices.Equal(a, b) || len(a) == 0 {
			t.Errorf("%s: compose.yaml starts it with %q, the script with %q", name, a, b)
		}
	}
}

// configuration is what of a command both have in common: names of files, not their folders, and what is no address.
func configuration(command []string) []string {
	var out []string
	for i := 0; i < len(command); i++ {
		switch arg := command[i]; arg {
		case "--bind", "--port", "--dir":
			i++
		case "--requirepass":
			out = append(out, arg)
			i++
		case "nats-server", "cordum": // the images' entry points
		default:
			out = append(out, filepath.Base(arg))
		}
	}
	return out
}

// TestSettingsExist: a setting that the server does not know would be passed over in silence.
func TestSettingsExist(t *testing.T) {
	files, err := filepath.Glob("../cmd/cordum/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			source.Write(text)
		}
	}
	conf, err := os.ReadFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range composed(t) {
		for key := range s.environment {
			switch {
			case strings.HasPrefix(name, "nats-"):
				if !strings.Contains(string(conf), "$"+key) {
					t.Errorf("%s: nats.conf does not use %s", name, key)
				}
			case name == "redis": // its client's
			case !strings.Contains(source.String(), `"`+key+`"`):
				t.Errorf("%s: %s is no setting of cordum serve", name, key)
			}
		}
	}
}

// TestKeptJobsSurviveANode: what JetStream keeps of plain CAP workers is on all nodes, and soon on their disks.
func TestKeptJobsSurviveANode(t *testing.T) {
	conf, err := os.ReadFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^\s*sync_interval: 1s$`).Match(conf) {
		t.Error("nats.conf does not say when what is kept is on the disk")
	}
	all, nodes, engines := composed(t), 0, 0
	for name := range all {
		if strings.HasPrefix(name, "nats-") {
			nodes++
		}
	}
	for name, s := range all {
		if !strings.HasPrefix(name, "engine-") {
			continue
		}
		engines++
		if s.environment["NATS_USE_JETSTREAM"] != "true" || s.environment["NATS_JS_REPLICAS"] != strconv.Itoa(nodes) {
			t.Errorf("%s: JetStream %q with %q copies, on %d nodes", name, s.environment["NATS_USE_JETSTREAM"], s.environment["NATS_JS_REPLICAS"], nodes)
		}
	}
	if engines < 2 || nodes < 3 {
		t.Errorf("%d engines, %d nodes", engines, nodes)
	}
}

// TestImages: the NATS of the containers is the one that is built in and tested, and so is the script's.
func TestImages(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`nats-server/v2 v(\S+)`).FindStringSubmatch(string(mod))
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^NATS_SERVER_VERSION\s*:= v` + regexp.QuoteMeta(version[1]) + `$`).Match(makefile) {
		t.Errorf("the Makefile builds another NATS than %s", version[1])
	}
	for name, s := range composed(t) {
		switch {
		case strings.HasPrefix(name, "nats-"):
			if s.image != "nats:"+version[1]+"-alpine" {
				t.Errorf("%s is of %s, go.mod has %s", name, s.image, version[1])
			}
		case name == "redis":
			if !regexp.MustCompile(`^redis:([7-9]|\d\d)\.`).MatchString(s.image) {
				t.Errorf("%s: Redis 7.0 or later is needed", s.image)
			}
		}
	}
}
