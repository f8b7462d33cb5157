package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"cordum.dev/cordum/internal/yamlx"
)

// settingFlag keeps what a flag said, checked at once, to be applied over file and environment.
type settingFlag struct {
	s    *setting
	text string
	said bool
}

func (f *settingFlag) String() string { return f.text }

func (f *settingFlag) Type() string {
	if f.s.isBool {
		return "bool"
	}
	return "string"
}

func (f *settingFlag) Set(v string) error {
	var scratch serveConfig
	if err := f.s.set(&scratch, v); err != nil {
		return err
	}
	f.text, f.said = v, true
	return nil
}

// settingsSource reads the settings from where they may stand.
type settingsSource struct {
	settings []setting
	flags    []*settingFlag
}

// addSettings makes a flag of every row that has one.
func addSettings(to *pflag.FlagSet, rows []setting) *settingsSource {
	src := &settingsSource{settings: rows}
	defaults := defaultServeConfig()
	for i := range src.settings {
		s := &src.settings[i]
		f := &settingFlag{s: s, text: s.get(&defaults)}
		src.flags = append(src.flags, f)
		if s.flag == "" {
			continue
		}
		doc := s.doc
		if len(s.env) > 0 {
			doc += " (" + strings.Join(s.env, ", ") + ")"
		}
		flag := to.VarPF(f, s.flag, "", doc)
		if s.isBool {
			flag.NoOptDefVal = "true"
		}
	}
	return src
}

// load reads all settings, flag over environment over file over default. Warnings are for the operator; an error is a
// usage error and names where the wrong value stands.
func (src *settingsSource) load(a *app) (cfg serveConfig, warnings []string, err error) {
	cfg = defaultServeConfig()
	if err := src.applyFile(a, &cfg); err != nil {
		return cfg, nil, err
	}
	if err := src.applySaid(a, &cfg); err != nil {
		return cfg, nil, err
	}
	if a.flags.apiKey != "" && !slices.Contains(cfg.APIKeys, a.flags.apiKey) {
		cfg.APIKeys = append(cfg.APIKeys, a.flags.apiKey)
	}
	if err := readKeys(a, &cfg); err != nil {
		return cfg, nil, err
	}
	cfg.Production = a.envOr("CORDUM_ENV", "") == "production" || truthy(a.envOr("CORDUM_PRODUCTION", ""))
	if cfg.Addr == "" {
		cfg.Addr = defaultAddr
		if cfg.Dev {
			cfg.Addr = defaultDevAddr
		}
	}
	return cfg, src.strangers(&cfg, a.environ), nil
}

// applySaid applies the environment, and over it the flags.
func (src *settingsSource) applySaid(a *app, cfg *serveConfig) error {
	for _, s := range src.settings {
		for _, name := range s.env {
			value, ok := a.lookup(name)
			if !ok {
				continue
			}
			if err := s.set(cfg, value); err != nil {
				return usagef("%s: %w", name, err)
			}
			break
		}
	}
	for _, f := range src.flags {
		if !f.said {
			continue
		}
		if err := f.s.set(cfg, f.text); err != nil {
			return usagef("--%s: %w", f.s.flag, err)
		}
	}
	return nil
}

func truthy(v string) bool { return v == "1" || strings.EqualFold(v, "true") }

// applyFile reads the file that a flag or the environment names.
func (src *settingsSource) applyFile(a *app, cfg *serveConfig) error {
	name := a.envOr("CORDUM_CONFIG", "")
	for _, f := range src.flags {
		if f.s.flag == "config" && f.said {
			name = f.text
		}
	}
	if name == "" {
		return nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return usagef("--config: %w", err)
	}
	root, err := yamlx.Parse(raw, yamlx.Auto)
	if err != nil {
		return usagef("%s:%w", name, err)
	}
	if root.Kind != yamlx.Map {
		return usagef("%s: expected settings as KEY: VALUE", name)
	}
	for _, field := range root.Fields {
		if err := src.applyField(cfg, field); err != nil {
			return usagef("%s:%d:%d: %s: %w", name, field.Pos.Line, field.Pos.Col, field.Key, err)
		}
	}
	return nil
}

func (src *settingsSource) applyField(cfg *serveConfig, field yamlx.Field) error {
	var keys []string
	for i := range src.settings {
		s := &src.settings[i]
		if s.flag == "config" {
			continue
		}
		if s.fileKey() == field.Key {
			value, err := settingText(field.Value)
			if err != nil {
				return err
			}
			return s.set(cfg, value)
		}
		keys = append(keys, s.fileKey())
	}
	if near := yamlx.Nearest(field.Key, keys); near != "" {
		return fmt.Errorf("there is no such setting (did you mean %s?)", near)
	}
	return errors.New("there is no such setting; cordum serve --help lists them")
}

// settingText is a value of the file as a flag would say it.
func settingText(n *yamlx.Node) (string, error) {
	switch n.Kind {
	case yamlx.List:
		items := make([]string, len(n.Items))
		for i, item := range n.Items {
			var err error
			if items[i], err = settingText(item); err != nil {
				return "", err
			}
		}
		return strings.Join(items, ","), nil
	case yamlx.Map, yamlx.Null:
		return "", errors.New("expected a value or a list of values")
	}
	return fmt.Sprint(n.Value()), nil
}

// readKeys adds the keys of the key file. A file that others can read is refused: it is a secret.
func readKeys(a *app, cfg *serveConfig) error {
	if cfg.APIKeysFile == "" {
		return nil
	}
	stat, err := os.Stat(cfg.APIKeysFile)
	if err != nil {
		return usagef("--api-keys-file: %w", err)
	}
	if stat.Mode().Perm()&0o077 != 0 {
		return usagef("--api-keys-file: %s can be read by other users: chmod 600 %s", cfg.APIKeysFile, cfg.APIKeysFile)
	}
	raw, err := a.readFile(cfg.APIKeysFile)
	if err != nil {
		return usagef("--api-keys-file: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			cfg.APIKeys = append(cfg.APIKeys, line)
		}
	}
	return nil
}

// otherVariables are CORDUM_ variables that something else than serve's table reads.
var otherVariables = []string{"CORDUM_API_KEY", "CORDUM_GATEWAY", "CORDUM_TENANT_ID", "CORDUM_AS", "CORDUM_AS_ROLE", "CORDUM_ENV", "CORDUM_PRODUCTION"}

// notTaken are variables without CORDUM_ that other installations set, which this version does not take, and what is in their place.
var notTaken = map[string]string{
	"REDIS_DATA_TTL":            "what is stored has no time to live, see --run-retention",
	"JOB_META_TTL":              "see --job-retention",
	"ARTIFACT_TTL_SHORT":        "payloads go with their runs, see --run-retention",
	"ARTIFACT_TTL_STANDARD":     "payloads go with their runs, see --run-retention",
	"ARTIFACT_TTL_AUDIT":        "see --audit-retention",
	"GATEWAY_METRICS_ADDR":      "/metrics is at --addr",
	"SCHEDULER_METRICS_ADDR":    "/metrics is at --addr",
	"SCHEDULER_METRICS_PUBLIC":  "set GATEWAY_METRICS_PUBLIC",
	"WORKFLOW_ENGINE_HTTP_ADDR": "an engine answers at --addr",
	"GATEWAY_GRPC_ADDR":         "there is no gRPC API",
	"GATEWAY_HTTP_TLS_CERT":     "put a proxy with TLS in front",
	"GATEWAY_HTTP_TLS_KEY":      "put a proxy with TLS in front",
	"GRPC_TLS_CERT":             "there is no gRPC API",
	"GRPC_TLS_KEY":              "there is no gRPC API",
	"CONTEXT_ENGINE_ADDR":       "there is no context engine",
}

// strangers warns about variables that nothing reads: CORDUM_ ones, of which most are misspelt, and those of notTaken. A setting that is
// not in force should not look as if it were.
func (src *settingsSource) strangers(cfg *serveConfig, environ []string) []string {
	known := slices.Clone(otherVariables)
	for _, s := range slices.Concat(serveSettings(), src.settings) { // what another command reads is not misspelt
		known = append(known, s.env...)
	}
	var warnings []string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if why := notTaken[name]; why != "" && value != "" && !slices.Contains(known, name) {
			warnings = append(warnings, name+" is set, but this version does not take it: "+why)
		}
		if !strings.HasPrefix(name, "CORDUM_") || slices.Contains(known, name) {
			continue
		}
		if strings.HasPrefix(name, devSecretPrefix) {
			if !cfg.Dev {
				warnings = append(warnings, name+" is set, but secrets are read from variables with --dev only: use --secrets-dir")
			}
			continue
		}
		warning := name + " is set, but nothing reads it"
		if near := yamlx.Nearest(name, known); near != "" {
			warning += " (did you mean " + near + "?)"
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}
